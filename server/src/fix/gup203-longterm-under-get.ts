import type { Finding } from '../rules/finding.ts';
import { isWritten } from './edits/dirty.ts';
import { toPin } from './edits/to-pin.ts';
import type { Attempts, FixSource } from './fix.ts';

/** CASE 2: a long-term pin. Unsafe: it is refused for memory that must stay movable, where a reference was not. */
export function fixLongtermUnderGet(finding: Finding, source: FixSource): Attempts {
  const attempts = toPin(finding, source, { add: ['FOLL_LONGTERM'], written: isWritten(finding) });
  return attempts.map((each) => ('edits' in each ? { ...each, safety: 'unsafe' } : each));
}
