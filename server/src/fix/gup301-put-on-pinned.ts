import type { Finding } from '../rules/finding.ts';
import { callAt } from './call.ts';
import { isDirtied, isWritten } from './dirty.ts';
import type { Fix, FixSource } from './fix.ts';
import { toUnpin } from './releases.ts';

/** The release that belongs to a pin, in the place of the one that does not. A loop stays a loop. */
export function fixPutOnPinned(finding: Finding, source: FixSource): Fix | undefined {
  const call = callAt(source.file, finding.range.start);
  if (call === undefined) return undefined;
  const edit = toUnpin(call, source, {
    dirty: isWritten(finding) && !isDirtied(finding, source),
    folios: finding.api === 'memfd_pin_folios',
  });
  const name = edit === undefined ? undefined : /^\w+/.exec(edit.newText)?.[0];
  return edit === undefined ? undefined : { title: `Release with ${name}()`, safety: 'safe', edits: [edit] };
}
