/** Fixes by rule code. A fix is proposed here, and accepted only by linter/fixes.ts, which lints what it makes. */
import type { Finding } from '../rules/finding.ts';
import type { Fix, FixSource } from './fix.ts';
import { fixInternalFlag } from './gup101-internal-flag.ts';
import { fixGetAndPin } from './gup102-get-and-pin.ts';
import { fixLongtermWithoutPin } from './gup103-longterm-without-pin.ts';
import { fixWriteUnderGet } from './gup201-write-under-get.ts';
import { fixPutOnPinned } from './gup301-put-on-pinned.ts';
import { fixUnpinOnGot } from './gup302-unpin-on-got.ts';

export const FIXES: Readonly<Record<string, (finding: Finding, source: FixSource) => Fix | undefined>> = {
  GUP101: fixInternalFlag,
  GUP102: fixGetAndPin,
  GUP103: fixLongtermWithoutPin,
  GUP201: fixWriteUnderGet,
  GUP301: fixPutOnPinned,
  GUP302: fixUnpinOnGot,
};

/** The edit that a rule proposes; undefined where there is none. Pure, and not yet shown to be right. */
export function proposeFix(finding: Finding, source: FixSource): Fix | undefined {
  // A macro's text may serve other uses, and may be another in another configuration.
  if (finding.macro !== undefined) return undefined;
  return FIXES[finding.code]?.(finding, source);
}
