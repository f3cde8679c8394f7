/** A counterexample as SARIF thread flows: one per actor, in the order in which their steps ran. */
import type { Location, ThreadFlow, ThreadFlowLocation } from 'sarif';
import type { FolioView, Snapshot } from '#engine/protocol/trace.ts';
import type { ExplainedStep } from '../../explain/explanation.ts';
import { callText, folioText, stepSentence } from '../../linter/text/step-text.ts';
import type { Range } from '../../syntax/range.ts';

/** Who runs a step, by the step's actor; others are the driver, its device, and kernel threads by their own names. */
const THREADS: Readonly<Record<string, string>> = {
  'fork-parent-write': 'task',
  'fork-child-write': 'task',
  store: 'task',
  munmap: 'task',
  truncate: 'task',
  exit: 'task',
  writeback: 'kernel: writeback',
  reclaim: 'kernel: reclaim',
  migrate: 'kernel: migration',
  ksm: 'kernel: KSM',
};

const WHAT: Readonly<Record<string, string>> = {
  driver: 'the driver’s path',
  device: 'the device, through the DMA mapping',
  task: 'the process whose memory it is, and its children',
};

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
    const id = THREADS[step.actor] ?? step.actor;
    const thread = threads.get(id) ?? [];
    thread.push({
      executionOrder: index + 1,
      location: locate(driverAt, `${step.actor}: ${callText(step)}. ${stepSentence(step)}`),
      importance: index === steps.length - 1 ? 'essential' : 'important',
      kinds: [step.range === undefined ? 'environment' : 'call'],
      state: stateOf(step.after),
    });
    threads.set(id, thread);
  }
  const first = steps[0];
  return [...threads].map(([id, locations]) => ({
    id,
    message: { text: WHAT[id] ?? `${id}, at a moment of its choice` },
    ...(first !== undefined && { initialState: stateOf(first.before) }),
    locations,
  }));
}

function stateOf({ folios, vmstat, backing }: Snapshot): NonNullable<ThreadFlowLocation['state']> {
  return Object.fromEntries([
    ...folios.map((folio: FolioView) => [`folio ${folio.name}`, { text: folioText(folio) }]),
    ...(backing === undefined ? [] : [['backing store', { text: backing.join(', ') }]]),
    ['nr_foll_pin_acquired', { text: `${vmstat.acquired}` }],
    ['nr_foll_pin_released', { text: `${vmstat.released}` }],
  ]);
}
