import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { withoutFlags } from './edits/flags.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** The pin function is kept: what is pinned is accessed. */
export function fixGetAndPin(finding: Finding, source: FixSource): Attempts {
  const call = callAt(source.file, finding.site.range.start);
  return [attempt('Leave FOLL_GET out', 'safe', call && withoutFlags(source, call, ['FOLL_GET']))];
}
