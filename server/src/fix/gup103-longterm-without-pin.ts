import type { Finding } from '../rules/finding.ts';
import { toPin } from './edits/to-pin.ts';
import type { Attempts, FixSource } from './fix.ts';

/** FOLL_LONGTERM stays, on the pin function. */
export function fixLongtermWithoutPin(finding: Finding, source: FixSource): Attempts {
  return toPin(finding, source);
}
