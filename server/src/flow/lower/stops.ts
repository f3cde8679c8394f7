/** Calls that end the path. */

/** Calls after which control does not go on. */
export const NO_RETURN: ReadonlySet<string> = new Set([
  'BUG',
  'panic',
  'do_exit',
  'unreachable',
  'make_task_dead',
]);

/** Calls after which control goes on only if the argument was false. */
export const STOP_IF: ReadonlySet<string> = new Set(['BUG_ON', 'VM_BUG_ON']);
