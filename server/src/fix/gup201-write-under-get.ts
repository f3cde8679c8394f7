import type { Finding } from '../rules/finding.ts';
import { toPin } from './edits/to-pin.ts';
import type { Attempts, FixSource } from './fix.ts';

/** CASE 5 done right: pin, write, and unpin with the pages marked dirty. */
export function fixWriteUnderGet(finding: Finding, source: FixSource): Attempts {
  return toPin(finding, source, { written: true });
}
