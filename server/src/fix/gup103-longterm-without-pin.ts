import type { Finding } from '../rules/finding.ts';
import type { Attempts, FixSource } from './fix.ts';
import { toPin } from './to-pin.ts';

/** FOLL_LONGTERM stays, on the pin function. */
export function fixLongtermWithoutPin(finding: Finding, source: FixSource): Attempts {
  return toPin(finding, source);
}
