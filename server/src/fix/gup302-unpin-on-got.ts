import type { Finding } from '../rules/finding.ts';
import { callAt } from './call.ts';
import { isWritten } from './dirty.ts';
import type { Fix, FixSource } from './fix.ts';
import { toPut } from './releases.ts';
import { toPin } from './to-pin.ts';

/** Pages whose data is written are to be pinned, so the release is right and the acquire is not; else the reverse. */
export function fixUnpinOnGot(finding: Finding, source: FixSource): Fix | undefined {
  if (isDataWritten(finding)) return toPin(finding, source);
  const call = callAt(source.file, finding.range.start);
  const edit = call === undefined ? undefined : toPut(call, source.file);
  const name = edit === undefined ? undefined : /^\w+/.exec(edit.newText)?.[0];
  return edit === undefined ? undefined : { title: `Release with ${name}()`, safety: 'safe', edits: [edit] };
}

function isDataWritten(finding: Finding): boolean {
  return (
    isWritten(finding) ||
    finding.witness?.steps.some(
      ({ step }) => step.op === 'dirty' || (step.op === 'release' && step.makeDirty === true),
    ) === true
  );
}
