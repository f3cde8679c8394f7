import type { Finding } from '../rules/finding.ts';
import { isWritten } from './edits/dirty.ts';
import { toPin } from './edits/to-pin.ts';
import type { Attempts, FixSource } from './fix.ts';

/** CASE 1: pin for the device, and mark dirty what it may have written. */
export function fixDmaUnderGet(finding: Finding, source: FixSource): Attempts {
  return toPin(finding, source, { written: isWritten(finding) });
}
