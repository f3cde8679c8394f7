/**
 * Releases in a file that has no pages but pinned ones, or none but those of get_user_pages*(): whatever way the pages take
 * through its structures, a release of the other kind is of these. Part of GUP301 and GUP302, for what the runs have lost on
 * the way.
 */
import type { ReleaseApi } from '#engine/protocol/steps.ts';
import { type AcquireModel, isOfIterator } from '../../flow/kernel/acquire.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';
import { called } from './apis.ts';
import { acquiredOnly, type CallSite, nearest, surmise } from './page-sources.ts';

const PUTS = 'put_page|folio_put|folio_put_refs|release_pages';
const UNPINS = 'unpin_user_(?:page|pages|pages_dirty_lock|folio|folios)';

/** Rules that have judged a release where they speak of it. */
const JUDGES = /^GUP(30[12567]|602)$/;

/** Findings of puts that no run has come across with a page. `known` are all others. */
export function putsOfPinnedOnly(source: SourceFile, known: readonly Finding[]): Finding[] {
  if (!source.code.includes('pin_user_pages')) return [];
  return releasesOfOther('pin', PUTS, source, known).map(({ call, acquire, allocates }) => {
    const why = allocates
      ? 'the only pages of this file that it does not allocate and free itself are pinned'
      : 'this file has no pages but those that it pins';
    const api: ReleaseApi =
      call.name === 'release_pages' ? call.name : call.name.startsWith('folio_') ? 'folio_put' : 'put_page';
    const cure = {
      release_pages: 'unpin_user_pages()',
      folio_put: 'unpin_user_folio()',
      put_page: 'unpin_user_page()',
    };
    return surmise(source, call, acquire, {
      code: 'GUP301',
      certainty: allocates ? 'possible' : 'likely',
      message: `${called(call.name)} drops one reference, and ${why}: the pin itself is never released, so the folio counts as DMA-pinned for ever and its memory is lost. Release it with ${cure[api]}, or unpin_user_pages_dirty_lock() if it was written.`,
      step: { op: 'release', api, set: 0, from: 0, count: 1 },
      acquired: 'pages are pinned here',
    });
  });
}

/** Findings of unpins that no run has come across with a page. `known` are all others. */
export function unpinsOfGotOnly(source: SourceFile, known: readonly Finding[]): Finding[] {
  if (!source.code.includes('unpin_user_') || !source.code.includes('get_user_pages')) return [];
  return releasesOfOther('get', UNPINS, source, known).map(({ call, acquire, allocates }) =>
    surmise(source, call, acquire, {
      code: 'GUP302',
      certainty: allocates ? 'possible' : 'likely',
      message: `${called(call.name)} takes away a pin, and this file pins no page: ${called(acquire.name)} only takes a reference, so the count drops by 1024 instead of 1 and the page can be freed while it is mapped. Release with put_page(), or acquire with ${called(acquire.name.replace(/^get_/, 'pin_'))} if the data is accessed.`,
      step: { op: 'release', api: 'unpin_user_page', set: 0, from: 0, count: 1 },
      acquired: 'the reference is taken here',
    }),
  );
}

interface OtherRelease {
  readonly call: CallSite;
  readonly acquire: CallSite;
  /** The file has pages that it allocated as well, and a function that frees such. */
  readonly allocates: boolean;
}

function releasesOfOther(
  kind: 'get' | 'pin',
  others: string,
  source: SourceFile,
  known: readonly Finding[],
): OtherRelease[] {
  const isOwn = (model: AcquireModel): boolean => model.kind === kind && !isOfIterator(model);
  // Most files call none of them: who types in one should not wait for its calls to be listed.
  const mayCall = new RegExp(`\\b(?:${others})\\s*\\(`).test(source.code);
  const pages = mayCall ? acquiredOnly(source, isOwn) : undefined;
  if (pages === undefined) return [];
  const { acquires, calls, allocates } = pages;
  const judged = new Set(known.filter(({ code }) => JUDGES.test(code)).map((f) => f.range.start));
  const isOther = new RegExp(`^(?:${others})$`);
  return calls.flatMap((call) => {
    if (!isOther.test(call.name) || judged.has(call.range.start)) return [];
    const acquire = nearest(source, call, acquires);
    return acquire === undefined ? [] : [{ call, acquire, allocates }];
  });
}
