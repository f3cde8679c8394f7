/** Whether a release has to mark its pages dirty, because nothing else does. */
import type { Finding } from '../../rules/finding.ts';
import type { FixSource } from '../fix.ts';

/** The CPU, or a device that may, writes to the pages on the finding's path. */
export function isWritten(finding: Finding): boolean {
  return (
    finding.witness?.steps.some(
      ({ step }) =>
        (step.op === 'access' && step.mode === 'write') ||
        (step.op === 'dma-map' && step.direction !== 'to-device'),
    ) === true
  );
}

/** The path, or any other path of the same function, marks pages dirty by itself. */
export function isDirtied(finding: Finding, { file }: FixSource): boolean {
  const onPath = finding.witness?.steps.some(({ step }) => step.op === 'dirty') === true;
  const fn = file.functions[file.functionAt(finding.site.range.start)];
  const marks = /\b(?:set_page_dirty(?:_lock)?|SetPageDirty|folio_mark_dirty(?:_lock)?)\s*\(|\bPG_dirty\b/;
  return onPath || (fn !== undefined && marks.test(file.code.slice(fn.bodyStart, fn.end)));
}
