import type { Finding } from '../rules/finding.ts';
import { addedFlag } from './edits/added-flag.ts';
import type { Attempts, FixSource } from './fix.ts';

/** The call is refused from now on for memory that must not be held for long. */
export function fixMissingLongterm(finding: Finding, source: FixSource): Attempts {
  if (finding.flagsFrom !== undefined)
    return [
      { refusal: `${finding.flagsFrom}() says with which flags: its argument is to have FOLL_LONGTERM` },
    ];
  return addedFlag(finding, source, 'FOLL_LONGTERM');
}
