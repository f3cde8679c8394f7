import type { Finding } from '../rules/finding.ts';
import { addedFlag } from './edits/added-flag.ts';
import type { Attempts, FixSource } from './fix.ts';

/** The call fails from now on where the mapping may not be written. */
export function fixMissingFollWrite(finding: Finding, source: FixSource): Attempts {
  return addedFlag(finding, source, 'FOLL_WRITE');
}
