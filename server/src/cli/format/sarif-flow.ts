/** A counterexample as SARIF thread flows: one per actor, in the order in which their steps ran. */
import type { Location, ThreadFlow, ThreadFlowLocation } from 'sarif';
import type { FolioView } from '#engine/protocol/trace.ts';
import type { ExplainedStep } from '../../explain/explanation.ts';
import { callText, folioText } from '../../linter/text/step-text.ts';
import type { Range } from '../../syntax/range.ts';

/**
 * Threads of a counterexample. A kernel actor has no source line of its own: its steps are placed where the driver
 * was at that moment, since services refuse steps without a place. `locate` is given undefined before the driver's
 * first step.
 */
export function threadFlows(
  steps: readonly ExplainedStep[],
  locate: (range: Range | undefined, message: string) => Location,
): ThreadFlow[] {
  const threads = new Map<string, ThreadFlowLocation[]>();
  let driverAt: Range | undefined;
  for (const [index, step] of steps.entries()) {
    driverAt = step.range ?? driverAt;
    const thread = threads.get(step.actor) ?? [];
    thread.push({
      executionOrder: index + 1,
      location: locate(driverAt, `${step.actor}: ${callText(step)}. ${step.note}`),
      importance: index === steps.length - 1 ? 'essential' : 'important',
      state: stateAfter(step),
    });
    threads.set(step.actor, thread);
  }
  return [...threads].map(([id, locations]) => ({ id, locations }));
}

function stateAfter(step: ExplainedStep): NonNullable<ThreadFlowLocation['state']> {
  return Object.fromEntries(
    step.after.folios.map((folio: FolioView) => [`folio ${folio.name}`, { text: folioText(folio) }]),
  );
}
