/** Spreads a sweep over threads. This thread takes part, and others join when there is enough to do. */
import { Worker } from 'node:worker_threads';
import type { Analyzer } from '../file/analyzer.ts';
import { FolderQueue } from './folder-queue.ts';
import { type SweepPlan, type Swept, sweep } from './sweep.ts';

export interface Threads {
  /** How many threads work, this one included. */
  readonly count: number;
  /** Absolute path of the program that the others run: worker.ts, bundled. */
  readonly program: string;
}

/** What worker.ts is given. */
export interface WorkerTask {
  readonly plan: SweepPlan;
  readonly memory: SharedArrayBuffer;
}

/** Folders that must wait before another thread is worth its start. */
const ENOUGH_FOLDERS = 16;

/**
 * Walks and lints the plan's folders.
 *
 * @throws Error when another thread fails: what it had found is lost, so there is no answer.
 */
export async function sweepTogether(
  analyzer: () => Promise<Analyzer>,
  plan: SweepPlan,
  threads: Threads | undefined,
): Promise<Swept[]> {
  const queue = new FolderQueue();
  plan.roots.forEach((_root, root) => {
    queue.push({ root, below: '' });
  });
  const others: Promise<Swept>[] = [];
  const own = await sweep(analyzer, plan, queue, () => {
    if (threads === undefined || others.length > 0 || queue.waiting < ENOUGH_FOLDERS) return;
    for (let i = 1; i < threads.count; i++)
      others.push(inWorker(threads.program, { plan, memory: queue.memory }));
    // A folder that a failed thread took is never finished: nobody is to wait for it.
    for (const other of others) other.catch(() => queue.abandon());
  });
  return [own, ...(await Promise.all(others))];
}

/** States of a run live shortly, and there are many: room for them, in MiB, so that few are moved before they are dead. */
const YOUNG_MB = 96;

function inWorker(program: string, task: WorkerTask): Promise<Swept> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, {
      workerData: task,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) =>
      reject(new Error(`a thread ended with status ${code} before its work was done`)),
    );
  });
}
