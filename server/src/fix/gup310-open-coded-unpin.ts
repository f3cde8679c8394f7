import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { toUnpin } from './edits/releases.ts';
import { tidied } from './edits/tidy.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** One call for the array in the place of the loop. */
export function fixOpenCodedUnpin(finding: Finding, source: FixSource): Attempts {
  const call = callAt(source.file, finding.range.start);
  if (call === undefined) return [{ refusal: 'the release is not written out as a call' }];
  const attempts = (['plain', 'guarded'] as const).map((folding) => {
    const edits = toUnpin(call, source, { folding });
    const made = attempt('Use unpin_user_pages_dirty_lock() for the whole array', 'safe', edits);
    return 'edits' in made ? { ...made, edits: tidied(source, made.edits) } : made;
  });
  // Without a loop that can be read there is nothing to fold: the pages would still go one by one.
  return attempts.filter(
    (each) => 'refusal' in each || each.edits.some(({ newText }) => !newText.includes('(&')),
  );
}
