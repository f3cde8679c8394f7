/** Around every request: a failure is logged and answered with nothing, so that the server goes on. */
import { type CancellationToken, LSPErrorCodes, ResponseError } from 'vscode-languageserver';
import type { Log } from './log.ts';

/**
 * Makes a handler that never throws except to say that the request was cancelled. `nothing` is the answer after a
 * failure. The handler starts in a later turn, so that a cancellation or an edit that is waiting is seen first.
 */
export function guarded<Params, Result>(
  log: Log,
  method: string,
  nothing: Result,
  handle: (params: Params, token: CancellationToken) => Promise<Result> | Result,
): (params: Params, token: CancellationToken) => Promise<Result> {
  return async (params, token) => {
    await new Promise((resume) => setImmediate(resume));
    stopIfCancelled(token);
    try {
      return await handle(params, token);
    } catch (error) {
      if (error instanceof ResponseError) throw error;
      log.failed(method, error);
      return nothing;
    }
  };
}

/** @throws ResponseError when the client no longer wants the answer. */
export function stopIfCancelled(token: CancellationToken): void {
  if (token.isCancellationRequested) {
    throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled by the client');
  }
}
