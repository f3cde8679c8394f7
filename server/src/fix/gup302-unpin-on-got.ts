import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { isWritten } from './edits/dirty.ts';
import { toPut } from './edits/releases.ts';
import { toPin } from './edits/to-pin.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** Pages whose data is written are to be pinned, so the release is right and the acquire is not; else the reverse. */
export function fixUnpinOnGot(finding: Finding, source: FixSource): Attempts {
  if (isDataWritten(finding)) return toPin(finding, source);
  const call = callAt(source.file, finding.range.start);
  const edits = call && toPut(call, source.file);
  const name = edits === undefined ? undefined : /^\w+/.exec(edits[0]!.newText)?.[0];
  return [attempt(`Release with ${name}()`, 'safe', edits)];
}

function isDataWritten(finding: Finding): boolean {
  return (
    isWritten(finding) ||
    finding.witness?.steps.some(
      ({ step }) => step.op === 'dirty' || (step.op === 'release' && step.makeDirty === true),
    ) === true
  );
}
