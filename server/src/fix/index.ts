/** Fixes by rule code. A fix is proposed here, and accepted only by linter/apply/fixes.ts, which tries it out. */
import type { Finding } from '../rules/finding.ts';
import { guarded } from './edits/guard.ts';
import type { Attempts, Fix, FixSource, Proposal } from './fix.ts';
import { fixInternalFlag } from './gup101-internal-flag.ts';
import { fixGetAndPin } from './gup102-get-and-pin.ts';
import { fixLongtermWithoutPin } from './gup103-longterm-without-pin.ts';
import { fixNullPages } from './gup104-null-pages.ts';
import { fixObsoleteApi } from './gup105-obsolete-api.ts';
import { fixLongtermP2pdma } from './gup106-longterm-p2pdma.ts';
import { fixFlagsType } from './gup109-flags-type.ts';
import { fixWriteUnderGet } from './gup201-write-under-get.ts';
import { fixDmaUnderGet } from './gup202-dma-under-get.ts';
import { fixLongtermUnderGet } from './gup203-longterm-under-get.ts';
import { fixMissingLongterm } from './gup204-missing-longterm.ts';
import { fixMissingFollWrite } from './gup207-missing-foll-write.ts';
import { fixPutOnPinned } from './gup301-put-on-pinned.ts';
import { fixUnpinOnGot } from './gup302-unpin-on-got.ts';
import { fixLeak } from './gup303-leak.ts';
import { fixPartialLeak } from './gup304-partial-leak.ts';
import { fixWrongCount } from './gup305-wrong-count.ts';
import { fixUseAfterRelease } from './gup307-use-after-release.ts';
import { fixNotDirtied } from './gup308-not-dirtied.ts';
import { fixDirtyUnlocked } from './gup309-dirty-unlocked.ts';
import { fixOpenCodedUnpin } from './gup310-open-coded-unpin.ts';
import { fixSignedness } from './gup402-signedness.ts';
import { fixPositiveError } from './gup403-positive-error.ts';
import { fixRefcountAsPinTest } from './gup501-refcount-as-pin-test.ts';
import { fixIterGetForData } from './gup601-iter-get-for-data.ts';
import { fixIterExtractRelease } from './gup602-iter-extract-release.ts';

interface Fixer {
  /** What to do by hand where no fix is offered, as an imperative. */
  readonly advice: string;
  readonly attempts: (finding: Finding, source: FixSource) => Attempts;
}

const PIN_ADVICE = 'Take the pages with pin_user_pages*() and release each with unpin_user_page*()';

const COUNT_ADVICE = 'Release as many pages as were acquired, and none where nothing was';

export const FIXERS: Readonly<Record<string, Fixer>> = {
  GUP101: { advice: 'Leave the internal flag out', attempts: fixInternalFlag },
  GUP102: { advice: 'Leave FOLL_GET out', attempts: fixGetAndPin },
  GUP103: { advice: PIN_ADVICE, attempts: fixLongtermWithoutPin },
  GUP104: { advice: 'Pass an array, or fault the pages in with fault_in_readable()', attempts: fixNullPages },
  GUP105: { advice: 'Use what the target kernel has in its place', attempts: fixObsoleteApi },
  GUP106: { advice: 'Leave one of the two flags out', attempts: fixLongtermP2pdma },
  GUP109: { advice: 'Write the FOLL_* flags that are meant', attempts: fixFlagsType },
  GUP201: { advice: PIN_ADVICE, attempts: fixWriteUnderGet },
  GUP202: { advice: PIN_ADVICE, attempts: fixDmaUnderGet },
  GUP203: {
    advice:
      'Take the pages with pin_user_pages*() and FOLL_LONGTERM, and release each with unpin_user_page*()',
    attempts: fixLongtermUnderGet,
  },
  GUP204: { advice: 'Add FOLL_LONGTERM', attempts: fixMissingLongterm },
  GUP207: { advice: 'Add FOLL_WRITE', attempts: fixMissingFollWrite },
  GUP301: { advice: 'Release pinned pages with unpin_user_page*()', attempts: fixPutOnPinned },
  GUP302: {
    advice: 'Release the pages by what belongs to the call that took them',
    attempts: fixUnpinOnGot,
  },
  GUP303: { advice: 'Release the pages while something still leads to them', attempts: fixLeak },
  GUP304: { advice: 'Release what a short count acquired before giving up', attempts: fixPartialLeak },
  GUP305: { advice: COUNT_ADVICE, attempts: fixWrongCount },
  GUP307: { advice: 'Release the pages behind the last access', attempts: fixUseAfterRelease },
  GUP308: { advice: 'Mark the pages dirty when they are released', attempts: fixNotDirtied },
  GUP309: {
    advice: 'Mark the pages dirty with the page lock, before their release',
    attempts: fixDirtyUnlocked,
  },
  GUP310: { advice: 'Use unpin_user_pages_dirty_lock() for the whole array', attempts: fixOpenCodedUnpin },
  GUP402: { advice: 'Test for a negative result first, or keep both sides signed', attempts: fixSignedness },
  GUP403: { advice: 'Return -EFAULT for a short count', attempts: fixPositiveError },
  GUP501: { advice: 'Ask folio_maybe_dma_pinned()', attempts: fixRefcountAsPinTest },
  GUP601: {
    advice:
      'Take the pages with iov_iter_extract_pages() and unpin them where iov_iter_extract_will_pin() is true',
    attempts: fixIterGetForData,
  },
  GUP602: {
    advice: 'Unpin only where iov_iter_extract_will_pin() is true',
    attempts: fixIterExtractRelease,
  },
};

/** The edits that a rule proposes. Pure, and not yet shown to be right. Undefined for rules that have no fixer. */
export function proposeFixes(finding: Finding, source: FixSource): Proposal | undefined {
  const fixer = FIXERS[finding.code];
  if (fixer === undefined) return undefined;
  // A wrapper may serve other uses, and may be another in another configuration.
  if (finding.wrapper !== undefined)
    return {
      candidates: [],
      advice: { title: fixer.advice, reason: 'the call is made by a macro or a function of a header' },
    };
  if (finding.configuration !== undefined)
    return {
      candidates: [],
      advice: {
        title: fixer.advice,
        reason: `it holds only ${finding.configuration}, in code that is not read otherwise`,
      },
    };
  const attempts = fixer
    .attempts(finding, source)
    .map((each) => ('refusal' in each ? each : guarded(each, source.file)));
  const refused = attempts.find((each) => 'refusal' in each);
  return {
    candidates: attempts.filter((each): each is Fix => 'edits' in each),
    advice: {
      title: fixer.advice,
      reason: refused?.refusal ?? 'no rewrite of this form is known to be right',
    },
  };
}
