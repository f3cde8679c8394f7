/** Pages that a function which fails leaves in its caller's array. */
import type { Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import type { ExitObservation, RunObservation } from '../run/observation.ts';
import { isAsAcquired } from './failures.ts';
import type { StrandedObservation } from './observation.ts';
import { isTemporary, returnsNonzero } from './temporary.ts';

/**
 * Ends of a function that nobody of the file calls and that returns a number, with an error and with pages in an array that
 * it was given: a caller who is told of the error alone can't know how many there are. Nothing where it writes anything
 * else through its parameters, such as a count.
 */
export function leftToCaller(ir: FunctionIr, seen: readonly RunObservation[]): StrandedObservation[] {
  const ends = seen.filter((o): o is ExitObservation => o.what === 'exit' && isLeft(o) && fails(o, seen));
  if (ends.length === 0 || tellsCaller(ir)) return [];
  return ends.map(({ set, path, range, within }) => ({
    what: 'stranded',
    set,
    members: [],
    sure: false,
    toCaller: true,
    range,
    path,
    within,
  }));
}

function fails({ set, path, returns }: ExitObservation, seen: readonly RunObservation[]): boolean {
  if (returns?.t === 'int') return returns.n < 0;
  return returnsNonzero(path, returns) && isTemporary(seen, set);
}

function isLeft({ owner, set }: ExitObservation): boolean {
  return owner === 'caller' && set.escaped === undefined && isAsAcquired(set);
}

/** Whether the function writes through one of its parameters, `*got = n` or `ctx->nr += n`. */
function tellsCaller(ir: FunctionIr): boolean {
  const isParam = (e: Expr): boolean => e.k === 'var' && e.local && ir.params.some((p) => p.name === e.name);
  const isBehindParam = (e: Expr): boolean => {
    if (e.k === 'deref') return isParam(e.e) || isBehindParam(e.e);
    if (e.k === 'index') return isParam(e.base) || isBehindParam(e.base);
    return e.k === 'member' && ((e.arrow && isParam(e.base)) || isBehindParam(e.base));
  };
  let tells = false;
  for (const { expr } of ir.nodes) {
    if (expr === undefined) continue;
    walk(expr, (e) => {
      tells ||= (e.k === 'assign' && isBehindParam(e.l)) || (e.k === 'step' && isBehindParam(e.e));
    });
  }
  return tells;
}
