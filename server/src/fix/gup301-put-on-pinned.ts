import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { isDirtied, isWritten } from './edits/dirty.ts';
import { toUnpin } from './edits/releases.ts';
import { tidied } from './edits/tidy.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** The release that belongs to a pin, in the place of the one that does not. */
export function fixPutOnPinned(finding: Finding, source: FixSource): Attempts {
  const call = callAt(source.file, finding.range.start);
  if (call === undefined) return [{ refusal: 'the release is not written out as a call' }];
  const dirty = isWritten(finding) && !isDirtied(finding, source);
  return (['plain', 'guarded', 'none'] as const).map((folding) => {
    const edits = toUnpin(call, source, { dirty, folios: finding.api === 'memfd_pin_folios', folding });
    const name = edits === undefined ? undefined : /\bunpin_\w+/.exec(edits.at(-1)!.newText)?.[0];
    const made = attempt(`Release with ${name}()`, 'safe', edits);
    return 'edits' in made ? { ...made, edits: tidied(source, made.edits) } : made;
  });
}
