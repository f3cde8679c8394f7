/** Fixes by rule code. A fix is proposed here, and accepted only by linter/fixes.ts, which tries it out. */
import type { Finding } from '../rules/finding.ts';
import type { Attempts, Fix, FixSource, Proposal } from './fix.ts';
import { guarded } from './guard.ts';
import { fixInternalFlag } from './gup101-internal-flag.ts';
import { fixGetAndPin } from './gup102-get-and-pin.ts';
import { fixLongtermWithoutPin } from './gup103-longterm-without-pin.ts';
import { fixWriteUnderGet } from './gup201-write-under-get.ts';
import { fixPutOnPinned } from './gup301-put-on-pinned.ts';
import { fixUnpinOnGot } from './gup302-unpin-on-got.ts';

interface Fixer {
  /** What to do by hand where no fix is offered, as an imperative. */
  readonly advice: string;
  readonly attempts: (finding: Finding, source: FixSource) => Attempts;
}

const PIN_ADVICE = 'Take the pages with pin_user_pages*() and release each with unpin_user_page*()';

export const FIXERS: Readonly<Record<string, Fixer>> = {
  GUP101: { advice: 'Leave the internal flag out', attempts: fixInternalFlag },
  GUP102: { advice: 'Leave FOLL_GET out', attempts: fixGetAndPin },
  GUP103: { advice: PIN_ADVICE, attempts: fixLongtermWithoutPin },
  GUP201: { advice: PIN_ADVICE, attempts: fixWriteUnderGet },
  GUP301: { advice: 'Release pinned pages with unpin_user_page*()', attempts: fixPutOnPinned },
  GUP302: {
    advice: 'Release the pages by what belongs to the call that took them',
    attempts: fixUnpinOnGot,
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
