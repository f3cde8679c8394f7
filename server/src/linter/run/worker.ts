/** Entry of the other threads of a run: see threads.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { createAnalyzer } from '../file/analysis.ts';
import type { Analyzer } from '../file/analyzer.ts';
import { FolderQueue } from './folder-queue.ts';
import { sweep } from './sweep.ts';
import type { WorkerTask } from './threads.ts';

const { plan, memory } = workerData as WorkerTask;
let analyzer: Promise<Analyzer> | undefined;
const once = (): Promise<Analyzer> => {
  analyzer ??= createAnalyzer();
  return analyzer;
};
void sweep(once, plan, new FolderQueue(memory)).then((swept) => parentPort!.postMessage(swept));
