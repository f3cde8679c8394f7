/** The level of a finding: its rule's, lowered for doubt and for a run that could have shown it and did not. */
import { DOUBT, type Finding, LEVELS, type Level } from '../rules/finding.ts';
import type { Explanation } from './explanation.ts';

/** `base` is the rule's default level, or the configured one. `note` is the floor. */
export function finalLevel(finding: Finding, base: Level, explanation: Explanation | undefined): Level {
  const unshown = explanation?.verdict === 'not-shown' ? 1 : 0;
  const at = LEVELS.indexOf(base) + DOUBT[finding.certainty] + unshown;
  return LEVELS[Math.min(at, LEVELS.length - 1)]!;
}
