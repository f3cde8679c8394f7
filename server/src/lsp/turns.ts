/** Long work between messages: in turns, so that edits and cancellations are seen while it goes on. */
import { type CancellationToken, LSPErrorCodes, ResponseError } from 'vscode-languageserver';
import type { Slices } from '#engine/explore/slices.ts';

/** Milliseconds of work before the messages that have come in meanwhile are looked at. */
export const TURN = 10;

/** The result of the work, or undefined when `wanted` said no between two turns and it was left. */
export async function inTurns<T>(slices: Slices<T>, wanted: () => boolean): Promise<T | undefined> {
  let until = performance.now() + TURN;
  for (;;) {
    const { done, value } = slices.next();
    if (done === true) return value;
    if (performance.now() < until) continue;
    await new Promise((resume) => setImmediate(resume));
    if (!wanted()) return undefined;
    until = performance.now() + TURN;
  }
}

/**
 * Waits for work that others may wait for as well.
 *
 * @throws ResponseError as soon as the client no longer wants the answer.
 */
export async function cancellable<T>(work: Promise<T>, token: CancellationToken | undefined): Promise<T> {
  if (token === undefined) return work;
  const cancelled = () => new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled by the client');
  if (token.isCancellationRequested) throw cancelled();
  let registration: { dispose(): void } | undefined;
  const cancellation = new Promise<never>((_resolve, reject) => {
    registration = token.onCancellationRequested(() => reject(cancelled()));
  });
  try {
    return await Promise.race([work, cancellation]);
  } finally {
    registration?.dispose();
  }
}
