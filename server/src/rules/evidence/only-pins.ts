/**
 * Puts in a file that has no pages but pinned ones: whatever way they take through its structures, a put_page() there
 * drops a reference of a pinned page. Part of GUP301, for what the runs have lost on the way.
 */
import type { ReleaseApi } from '#engine/protocol/steps.ts';
import { ACQUIRES, type AcquireModel, isOfIterator } from '../../flow/kernel/acquire.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';
import { called } from './apis.ts';
import { acquiredOnly, type CallSite, nearest } from './page-sources.ts';

const PUTS: ReadonlySet<string> = new Set(['put_page', 'folio_put', 'folio_put_refs', 'release_pages']);

/** Rules that have judged a release where they speak of it. */
const JUDGES = /^GUP(30[12567]|602)$/;

function isPin(model: AcquireModel): boolean {
  return model.kind === 'pin' && !isOfIterator(model);
}

/** Findings of puts that no run has come across with a page. `known` are all others. */
export function putsOfPinnedOnly(source: SourceFile, known: readonly Finding[]): Finding[] {
  if (![...PUTS].some((put) => source.code.includes(put)) || !source.code.includes('pin_user_pages'))
    return [];
  const pages = acquiredOnly(source, isPin);
  if (pages === undefined) return [];
  const { acquires: pins, allocates } = pages;
  const puts = pages.calls.filter(({ name }) => PUTS.has(name));
  const judged = new Set(known.filter(({ code }) => JUDGES.test(code)).map((f) => f.range.start));
  return puts.flatMap((put) => {
    const pin = judged.has(put.range.start) ? undefined : nearest(source, put, pins);
    return pin === undefined ? [] : [finding(source, put, pin, allocates)];
  });
}

function releaseApi(name: string): ReleaseApi {
  if (name === 'release_pages') return name;
  return name.startsWith('folio_') ? 'folio_put' : 'put_page';
}

/** `allocates`: the file has pages that it allocated as well, and a function that frees such. */
function finding(source: SourceFile, put: CallSite, pin: CallSite, allocates: boolean): Finding {
  const model = ACQUIRES.get(pin.name)!;
  const within = source.functions[put.index]!.name;
  const owner = source.functions[pin.index]!.name;
  const array = put.name === 'release_pages';
  const why = allocates
    ? 'the only pages of this file that it does not allocate and free itself are pinned'
    : 'this file has no pages but those that it pins';
  const cure = array
    ? 'unpin_user_pages()'
    : put.name.startsWith('folio_')
      ? 'unpin_user_folio()'
      : 'unpin_user_page()';
  const place = (fn: string): { within?: string } => (fn === within ? {} : { within: fn });
  const text = (range: Range): string => source.text.slice(range.start, range.end).replace(/\s+/g, ' ');
  return {
    code: 'GUP301',
    certainty: allocates ? 'possible' : 'likely',
    message: `${called(put.name)} drops one reference, and ${why}: the pin itself is never released, so the folio counts as DMA-pinned for ever and its memory is lost. Release it with ${cure}, or unpin_user_pages_dirty_lock() if it was written.`,
    range: put.range,
    function: within,
    api: pin.name,
    site: { function: owner, range: pin.range },
    related: [{ range: pin.range, message: 'pages are pinned here' }],
    witness: {
      steps: [
        {
          step: { op: 'acquire', api: model.api, flags: 0, nr: 1, set: 0, expect: 1 },
          range: pin.range,
          text: text(pin.range),
          ...place(owner),
        },
        {
          step: { op: 'release', api: releaseApi(put.name), set: 0, from: 0, count: 1 },
          range: put.range,
          text: text(put.range),
        },
      ],
      assumed: [],
    },
  };
}
