import type { Finding } from '../rules/finding.ts';
import { callAt } from './call.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';
import { withoutFlags } from './flags.ts';

/** The pin function is kept: what is pinned is accessed. */
export function fixGetAndPin(finding: Finding, { file }: FixSource): Attempts {
  const call = callAt(file, finding.site.range.start);
  return [attempt('Leave FOLL_GET out', 'safe', call && withoutFlags(file, call, ['FOLL_GET']))];
}
