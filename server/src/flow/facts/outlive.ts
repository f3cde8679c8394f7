/**
 * Whether pages that a function leaves held are still held when its callers return. Callers are not run for this: their
 * graphs are walked with two facts only, whether the pages are held, and what sign the results have that decide it.
 */
import type { Call, Expr, FunctionIr, Node } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';

/** What a function returns while the pages are held: the sign of a number, or `other` (a pointer, or not known). */
export type Sign = 'negative' | 'zero' | 'positive' | 'other';

export interface Calls {
  /** What a call returns that leaves pages held; empty for one that leaves none. */
  readonly leaves: (fn: string) => ReadonlySet<Sign>;
  /** The call releases the pages. */
  readonly releases: (fn: string) => boolean;
}

interface Walker {
  readonly node: number;
  readonly held: boolean;
  readonly signs: ReadonlyMap<string, Sign>;
}

/** States that one walk may visit; a function with more is taken to leave nothing. */
const MAX_STATES = 4_000;

/** What a function returns on ways on which the pages are held at its end, and which do not report a failure. */
export function outlives(ir: FunctionIr, calls: Calls): Set<Sign> {
  const found = new Set<Sign>();
  const seen = new Set<string>();
  const work: Walker[] = [{ node: 0, held: false, signs: new Map() }];
  while (work.length > 0) {
    const at = work.pop()!;
    const key = `${at.node} ${at.held} ${[...at.signs].map(([n, s]) => `${n}${s}`).sort()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > MAX_STATES) return new Set();
    const node = ir.nodes[at.node]!;
    for (const { held, signs, value } of evaluate(node.expr, at, calls)) {
      if (node.kind === 'return') {
        if (held && value !== 'negative') found.add(value ?? 'other');
        continue;
      }
      for (const succ of successors(node, value)) work.push({ node: succ, held, signs });
    }
  }
  return found;
}

interface Outcome {
  readonly held: boolean;
  readonly signs: ReadonlyMap<string, Sign>;
  /** Sign of the expression, where it is known. */
  readonly value?: Sign | undefined;
}

function successors(node: Node, value: Sign | undefined): readonly number[] {
  if (node.kind !== 'branch' || value === undefined || value === 'other') return node.succ;
  return [node.succ[value === 'zero' ? 1 : 0]!];
}

function evaluate(e: Expr | undefined, at: Walker, calls: Calls): Outcome[] {
  const start: Outcome = { held: at.held, signs: at.signs };
  if (e === undefined) return [start];
  const decisive = decisiveCall(e, calls);
  if (decisive === undefined) return [finish(e, start, undefined)];
  if (!calls.releases(decisive.fn!)) {
    const left = [...calls.leaves(decisive.fn!)].map((sign) =>
      finish(e, { ...start, held: true }, sign, decisive),
    );
    return [...left, finish(e, start, left.some((o) => o.value === 'other') ? 'zero' : 'negative', decisive)];
  }
  return [finish(e, { ...start, held: start.held && isOfPart(decisive) }, undefined)];
}

/** The first call inside that leaves pages held, or releases them. */
function decisiveCall(e: Expr, calls: Calls): Call | undefined {
  let found: Call | undefined;
  walk(e, (x) => {
    if (found !== undefined || x.k !== 'call' || x.fn === undefined) return;
    if (calls.leaves(x.fn).size > 0 || calls.releases(x.fn)) found = x;
  });
  return found;
}

/** A count or an index that is computed from two variables: `done + i`, `n - done`. What is released is a part. */
function isOfPart(call: Call): boolean {
  return call.args.some(
    (a) => a.k === 'binary' && (a.op === '+' || a.op === '-') && a.l.k !== 'num' && a.r.k !== 'num',
  );
}

/** The expression's value and its assignments, where `call` gave `sign`. */
function finish(e: Expr, o: Outcome, sign: Sign | undefined, call?: Call): Outcome {
  const signs = new Map(o.signs);
  const value = signOf(e, signs, sign, call);
  return { held: o.held, signs, value };
}

function signOf(e: Expr, signs: Map<string, Sign>, sign: Sign | undefined, call?: Call): Sign | undefined {
  const inner = (x: Expr): Sign | undefined => signOf(x, signs, sign, call);
  switch (e.k) {
    case 'num':
      return e.n === 0 ? 'zero' : e.n < 0 ? 'negative' : 'positive';
    case 'var':
      return signs.get(e.name);
    case 'cast':
      return inner(e.e);
    case 'call':
      if (e === call) return sign;
      if (/^IS_ERR(_OR_NULL|_VALUE)?$/.test(e.fn ?? '')) return errorTest(inner(e.args[0]!), e.fn!);
      return /^(PTR_ERR|ERR_PTR|ERR_CAST)$/.test(e.fn ?? '') ? inner(e.args[0]!) : undefined;
    case 'unary': {
      const v = inner(e.e);
      if (e.op === '!' && v !== undefined && v !== 'other') return v === 'zero' ? 'positive' : 'zero';
      if (e.op === '-' && v !== undefined)
        return v === 'positive' ? 'negative' : v === 'zero' ? 'zero' : undefined;
      return undefined;
    }
    case 'binary':
      return compared(e.op, inner(e.l), inner(e.r), e.r);
    case 'assign': {
      const v = e.op === '=' ? inner(e.r) : undefined;
      if (e.l.k === 'var' && e.l.local) {
        if (v === undefined) signs.delete(e.l.name);
        else signs.set(e.l.name, v);
      }
      return v;
    }
    case 'declare':
      signs.delete(e.name);
      return undefined;
    case 'seq':
      return e.items.map(inner).at(-1);
    default:
      return undefined;
  }
}

function errorTest(v: Sign | undefined, fn: string): Sign | undefined {
  if (v === undefined) return undefined;
  if (v === 'negative') return 'positive';
  return v === 'zero' && fn === 'IS_ERR_OR_NULL' ? 'positive' : 'zero';
}

const ORDER: Readonly<Record<string, number>> = { negative: -1, zero: 0, positive: 1 };

/** A comparison with zero; one with a count is taken to ask for it: what was left held came back whole. */
function compared(op: string, l: Sign | undefined, r: Sign | undefined, right: Expr): Sign | undefined {
  if (l === undefined || l === 'other') return undefined;
  const truth = (t: boolean): Sign => (t ? 'positive' : 'zero');
  const order = ORDER[l]!;
  if (right.k === 'num' && right.n === 0) {
    if (op === '==') return truth(order === 0);
    if (op === '!=') return truth(order !== 0);
    if (op === '<') return truth(order < 0);
    if (op === '<=') return truth(order <= 0);
    if (op === '>') return truth(order > 0);
    return op === '>=' ? truth(order >= 0) : undefined;
  }
  if (l === 'negative' && r !== 'negative') {
    if (op === '==' || op === '>' || op === '>=') return 'zero';
    if (op === '!=' || op === '<' || op === '<=') return 'positive';
  }
  if (l !== 'positive') return undefined;
  if (op === '==' || op === '>=') return 'positive';
  return op === '!=' || op === '<' ? 'zero' : undefined;
}
