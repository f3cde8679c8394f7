import type { Finding } from '../rules/finding.ts';
import { callAt } from './call.ts';
import { type Fix, type FixSource, sorted } from './fix.ts';
import { withoutFlags } from './flags.ts';

/** The pin function is kept: what is pinned is accessed. */
export function fixGetAndPin(finding: Finding, { file }: FixSource): Fix | undefined {
  const call = callAt(file, finding.site.range.start);
  const edits = call === undefined ? undefined : withoutFlags(file, call, ['FOLL_GET']);
  const ordered = edits === undefined ? undefined : sorted(edits);
  return ordered === undefined ? undefined : { title: 'Leave FOLL_GET out', safety: 'safe', edits: ordered };
}
