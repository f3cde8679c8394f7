import type { Finding } from '../rules/finding.ts';
import { addedFlag } from './added-flag.ts';
import type { Attempts, FixSource } from './fix.ts';

/** The call is refused from now on for memory that must not be held for long. */
export function fixMissingLongterm(finding: Finding, source: FixSource): Attempts {
  return addedFlag(finding, source, 'FOLL_LONGTERM');
}
