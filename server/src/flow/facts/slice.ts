/**
 * Which locals of a function matter to its pages: names in acquiring and releasing calls and their results, in loop
 * conditions and repeated conditions, and two rounds backwards over assignments (FLOW section 2). All others are
 * unknown to the interpreter, so that states differ only in what matters.
 */
import { ACQUIRES } from '../kernel/acquire.ts';
import { isProtocolName } from '../kernel/effects.ts';
import { conditionText } from '../lower/conditions.ts';
import type { Assign, Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import { formOf } from './form.ts';

/** `touchesPages` tells of a function of the same file whether it acquires, releases or accesses pages. */
export function trackedLocals(
  ir: FunctionIr,
  text: string,
  repeated: ReadonlySet<string>,
  touchesPages: (name: string) => boolean,
): Set<string> {
  const tracked = new Set<string>();
  /** Locals that hold the result of a call that matters, a copy of it, or the outcome of a comparison with it. */
  const results = new Set<string>();
  /** The same of parameters: what a caller passes may be a constant. */
  const given = new Set(ir.params.map(({ name }) => name));
  const assignments: Assign[] = [];
  const matters = (fn: string | undefined): boolean =>
    fn !== undefined && (ACQUIRES.has(fn) || isProtocolName(fn) || touchesPages(fn));
  const addNames = (e: Expr): void =>
    walk(e, (x) => {
      if (x.k === 'var' && x.local) tracked.add(x.name);
    });
  for (const node of ir.nodes) {
    if (node.expr === undefined) continue;
    if (node.loop !== undefined || node.kind === 'return' || node.kind === 'switch') addNames(node.expr);
    if (node.kind === 'branch' && repeated.has(conditionText(text, node.expr))) addNames(node.expr);
    const decides = node.kind === 'branch';
    walk(node.expr, (e) => {
      // What an object says of its pages is known only where the object is.
      if (decides && e.k === 'member' && e.base.k === 'var' && e.base.local) tracked.add(e.base.name);
      if (e.k === 'call' && matters(e.fn)) for (const a of e.args) addNames(a);
      if (e.k === 'assign') assignments.push(e);
    });
  }
  for (const name of flagGuards(ir)) tracked.add(name);
  for (const name of marks(ir, assignments, matters)) tracked.add(name);
  for (const name of ir.cleaned) tracked.add(name);
  for (let round = 0; round < 3; round++) {
    for (const a of assignments) {
      const target = a.l.k === 'var' && a.l.local ? a.l.name : undefined;
      if (target !== undefined && (holdsResult(a.r, matters) || tells(a.r, results))) {
        tracked.add(target);
        results.add(target);
      }
      if (target !== undefined && tracked.has(target)) addNames(a.r);
      if (target !== undefined && tells(a.r, given)) {
        tracked.add(target);
        given.add(target);
      }
      // What is put into an object: the object must be known for it to be found there again.
      if (isToldTo(a, tracked)) addNames(a.r);
      if (a.l.k !== 'var' && a.op === '=' && mentionsAny(a.r, tracked)) addNames(a.l);
    }
  }
  return tracked;
}

/**
 * Locals that are set to something known, and asked for in a condition: `mapped = true; … if (mapped)`, `stage = ST_PIN`.
 * What is only ever read from elsewhere tells nothing that its name does not; but a helper that releases what an object
 * holds may ask the object first, `int kernel = KERNEL_MEM & b->flags`, and its caller may have set that member.
 */
function marks(
  ir: FunctionIr,
  assignments: readonly Assign[],
  matters: (fn: string | undefined) => boolean,
): Set<string> {
  const set = new Set<string>();
  const params = new Set(ir.params.map(({ name }) => name));
  const releases = params.size > 0 && ir.calls.some(({ fn }) => matters(fn));
  for (const { l, r } of assignments)
    if (l.k === 'var' && l.local && (isKnown(r) || (releases && isMemberOf(r, params)))) set.add(l.name);
  const asked = new Set<string>();
  if (set.size === 0) return asked;
  for (const { kind, expr } of ir.nodes)
    if (kind === 'branch' && expr !== undefined)
      walk(expr, (e) => {
        if (e.k === 'var' && e.local && set.has(e.name)) asked.add(e.name);
      });
  return asked;
}

/** A number, a name for one, or what is computed of these. */
function isKnown(e: Expr): boolean {
  if (e.k === 'cast' || e.k === 'unary') return isKnown(e.e);
  return e.k === 'num' || (e.k === 'var' && !e.local) || (e.k === 'binary' && isKnown(e.l) && isKnown(e.r));
}

/** A member of an object that the caller has passed, a bit of it, or how one of these compares with something known. */
function isMemberOf(e: Expr, params: ReadonlySet<string>): boolean {
  if (e.k === 'cast') return isMemberOf(e.e, params);
  if (e.k === 'unary') return e.op === '!' && isMemberOf(e.e, params);
  if (e.k === 'binary') {
    if (e.op !== '&' && !COMPARISONS.has(e.op)) return false;
    const asked = isKnown(e.l) ? e.r : isKnown(e.r) ? e.l : undefined;
    return asked !== undefined && isMemberOf(asked, params);
  }
  return e.k === 'member' && e.base.k === 'var' && e.base.local && params.has(e.base.name);
}

/** A local is put into a member of an object that matters: whoever is given the object may ask for it. */
function isToldTo({ l, op, r }: Assign, tracked: ReadonlySet<string>): boolean {
  if (op !== '=' || l.k !== 'member' || r.k !== 'var' || !r.local) return false;
  return l.base.k === 'var' && l.base.local && tracked.has(l.base.name);
}

/** Locals in the conditions that decide directly about a flag: `write` in `if (write) flags |= FOLL_WRITE`. */
function flagGuards(ir: FunctionIr): Set<string> {
  const flags = new Set<string>();
  for (const call of ir.calls) {
    const model = call.fn === undefined ? undefined : ACQUIRES.get(call.fn);
    const form = model === undefined ? undefined : formOf(model, call.args);
    const arg = form === undefined || form.booleans ? undefined : call.args[form.flags];
    if (arg !== undefined) walk(arg, (e) => e.k === 'var' && e.local && flags.add(e.name));
  }
  const names = new Set<string>();
  if (flags.size === 0) return names;
  for (const { kind, expr, succ } of ir.nodes) {
    if (kind !== 'branch' || expr === undefined || !succ.some((next) => assigns(ir, next, flags))) continue;
    walk(expr, (e) => e.k === 'var' && e.local && names.add(e.name));
  }
  return names;
}

/** The statement at a node, or behind a join there, assigns one of `names`. */
function assigns(ir: FunctionIr, at: number, names: ReadonlySet<string>): boolean {
  const node = ir.nodes[at]!;
  const { expr } = node.kind === 'join' && node.succ.length === 1 ? ir.nodes[node.succ[0]!]! : node;
  return expr?.k === 'assign' && expr.l.k === 'var' && names.has(expr.l.name);
}

function holdsResult(e: Expr, matters: (fn: string | undefined) => boolean): boolean {
  let found = false;
  walk(e, (x) => {
    if (x.k === 'call' && matters(x.fn)) found = true;
  });
  return found;
}

/** Whether an expression is one of `names`, or says how it compares: `got`, `got != nr`, `!got`. */
function tells(e: Expr, names: ReadonlySet<string>): boolean {
  switch (e.k) {
    case 'var':
      return e.local && names.has(e.name);
    case 'cast':
      return tells(e.e, names);
    case 'unary':
      return e.op === '!' && tells(e.e, names);
    case 'logic':
      return tells(e.l, names) || tells(e.r, names);
    case 'binary':
      return COMPARISONS.has(e.op) && (tells(e.l, names) || tells(e.r, names));
    default:
      return false;
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);

function mentionsAny(e: Expr, names: ReadonlySet<string>): boolean {
  let found = false;
  walk(e, (x) => {
    if (x.k === 'var' && x.local && names.has(x.name)) found = true;
  });
  return found;
}
