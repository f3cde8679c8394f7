import type { Finding } from '../rules/finding.ts';
import type { Attempts, FixSource } from './fix.ts';
import { toPin } from './to-pin.ts';

/** CASE 5 done right: pin, write, and unpin with the pages marked dirty. */
export function fixWriteUnderGet(finding: Finding, source: FixSource): Attempts {
  return toPin(finding, source, { written: true });
}
