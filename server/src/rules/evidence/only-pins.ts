/**
 * Puts in a file that has no pages but pinned ones: whatever way they take through its structures, a put_page() there
 * drops a reference of a pinned page. Part of GUP301, for what the runs have lost on the way.
 */
import type { ReleaseApi } from '#engine/protocol/steps.ts';
import { ACQUIRES, type AcquireModel, isOfIterator } from '../../flow/kernel/acquire.ts';
import { effectsOf } from '../../flow/kernel/effects.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';
import { called } from './apis.ts';

/** A call in the code of a function of the file. */
interface CallSite {
  readonly name: string;
  readonly range: Range;
  /** Index of the function that it stands in. */
  readonly index: number;
}

const PUTS: ReadonlySet<string> = new Set(['put_page', 'folio_put', 'folio_put_refs', 'release_pages']);
const FREES = /^_*free_pages?$/;

/** Rules that have judged a release where they speak of it. */
const JUDGES = /^GUP(30[12567]|602)$/;

/** What functions do to pages that do not hand out any, by their names. */
const NO_SOURCE =
  /_to_(page|folio|pfn)$|get_free_pages?$|get_zeroed_page$|_table_from_|^(Set|Clear)?Page[A-Z]|(^|_)(un)?(lock|map)_|(^|_)(insert|flush|sync|put|free|release|unpin|set|clear|mark|offset|count|nr|num|valid|is|has|dirty|reserved|remove|remap|finish)_/;

/** Whether a function that is called, and not defined in the file, may hand out pages with a reference. */
function isSource(name: string): boolean {
  if (ACQUIRES.has(name)) return !isPin(ACQUIRES.get(name));
  if (!/page|folio|pfn/i.test(name) || /^[A-Z0-9_]+$/.test(name)) return false;
  return (
    ALLOCATES.test(name) || REFERS.test(name) || (effectsOf(name) === undefined && !NO_SOURCE.test(name))
  );
}

/** Helpers of the kernel that hand out pages, and are known not to touch others. */
const ALLOCATES = /^(dev_)?alloc_(pages?|folio)|^folio_alloc/;
const REFERS = /^(try_)?get_page|^folio_(try_)?get/;

function isPin(model: AcquireModel | undefined): boolean {
  return model?.kind === 'pin' && !isOfIterator(model);
}

/** Findings of puts that no run has come across with a page. `known` are all others. */
export function putsOfPinnedOnly(source: SourceFile, known: readonly Finding[]): Finding[] {
  if (![...PUTS].some((put) => source.code.includes(put)) || !source.code.includes('pin_user_pages'))
    return [];
  const own = new Set([...source.functions.map(({ name }) => name), ...source.macros.keys()]);
  const calls = callsIn(source).filter(({ name }) => !own.has(name));
  const pins = calls.filter(({ name }) => isPin(ACQUIRES.get(name)));
  const puts = calls.filter(({ name }) => PUTS.has(name));
  if (pins.length === 0 || puts.length === 0) return [];
  const sources = calls.filter(({ name }) => isSource(name));
  const allocates = sources.length > 0;
  // What the file allocates it frees by another name.
  if (sources.some(({ name }) => !ALLOCATES.test(name))) return [];
  if (allocates && !calls.some(({ name }) => FREES.test(name))) return [];
  const judged = new Set(known.filter(({ code }) => JUDGES.test(code)).map((f) => f.range.start));
  return puts.flatMap((put) => {
    const pin = judged.has(put.range.start) ? undefined : nearest(source, put, pins);
    return pin === undefined ? [] : [finding(source, put, pin, allocates)];
  });
}

/** Calls in the functions of the file, each with its range. */
function callsIn(source: SourceFile): CallSite[] {
  return source.functions.flatMap(({ bodyStart, end }, index) => {
    const body = source.code.slice(bodyStart, end);
    return [...body.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)].map((match): CallSite => {
      const start = bodyStart + match.index;
      return {
        name: match[1]!,
        range: { start, end: endOfCall(source.code, start + match[0].length) },
        index,
      };
    });
  });
}

/** Where the call ends whose arguments start at `from`. */
function endOfCall(code: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; at < code.length && depth > 0; at++) {
    if (code[at] === '(') depth++;
    if (code[at] === ')') depth--;
  }
  return at;
}

/** Structures that say nothing of what a function is about. */
const COMMON =
  /^(page|folio|device|list_head|file|inode|mm_struct|vm_area_struct|vm_fault|task_struct|scatterlist|sg_table|work_struct|kref|mutex|rb_node|bio|bio_vec|iov_iter|iovec)$/;

/**
 * The pin whose function has most structures in common with that of the put, itself or in one that calls it; the first of
 * them. Undefined where none has any: then the put may be of pages that come from elsewhere.
 */
function nearest(source: SourceFile, put: CallSite, pins: readonly CallSite[]): CallSite | undefined {
  const textOf = (index: number): string => {
    const { start, end } = source.functions[index]!;
    return source.code.slice(start, end);
  };
  const own = structsIn(textOf(put.index));
  const shared = (pin: CallSite): number => {
    const caller = new RegExp(`\\b${source.functions[pin.index]!.name}\\s*\\(`);
    const around = [pin.index, ...source.functionsMatching(caller)].filter((index) => index !== put.index);
    const theirs = structsIn(around.map(textOf).join('\n'));
    return [...own].filter((struct) => theirs.has(struct)).length;
  };
  const [best] = pins.map((pin) => ({ pin, shared: shared(pin) })).sort((a, b) => b.shared - a.shared);
  return best !== undefined && best.shared > 0 ? best.pin : undefined;
}

function structsIn(code: string): Set<string> {
  const found = [...code.matchAll(/\bstruct\s+(\w+)/g)].map(([, name]) => name!);
  return new Set(found.filter((name) => !COMMON.test(name)));
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
