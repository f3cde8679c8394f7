/**
 * Names that stand for a value in the next statement only: `flags = FOLL_WRITE; ret = get(…, flags, …);` is lowered like
 * `ret = get(…, FOLL_WRITE, …);`, so that the answers do not depend on which of them was written.
 */
import { isTruth } from './canonical.ts';
import type { Assign, Expr, Node, Var } from './ir.ts';
import { walk } from './walk.ts';

/** What is written and read of a local. */
interface Uses {
  writes: number;
  readonly reads: { readonly node: number; readonly at: Var }[];
  /** Its address is taken, or it is changed in another way than by an assignment. */
  shared: boolean;
}

/**
 * Puts the values of such names where they are read. `kept` are names that mean more than their value, `structs` what
 * locals point to.
 */
export function dropTemporaries(
  nodes: readonly Node[],
  kept: ReadonlySet<string>,
  structs: ReadonlyMap<string, string>,
): void {
  const uses = usesOf(nodes);
  for (const node of nodes) {
    const { expr } = node;
    if (node.kind !== 'expr' || expr?.k !== 'assign' || !isPlainLocal(expr)) continue;
    const use = uses.get(expr.l.name);
    const [read, ...more] = use?.reads ?? [];
    if (use === undefined || read === undefined || more.length > 0 || use.writes !== 1 || use.shared)
      continue;
    const next = nodes[following(nodes, node)];
    if (next === undefined || next.id !== read.node || kept.has(expr.l.name) || expr.l.name[0] === '#')
      continue;
    const value = converted(expr.r, expr.l, structs.get(expr.l.name));
    if (value === undefined || !mayMove(expr.r, next, read.at)) continue;
    const isWhole = next.expr === read.at || value.k === 'call';
    // A finding about an argument shows the argument.
    const placed: Expr = isWhole ? value : { ...value, start: read.at.start, end: read.at.end };
    next.expr = next.expr === read.at ? placed : replaced(next.expr!, read.at, placed);
    const { start, end } = expr;
    node.expr = { k: 'opaque', parts: [], start, end };
    // What was moved is read there from now on.
    walk(placed, (e) => {
      const was = e === placed ? value : e;
      const moved = e.k === 'var' && e.local ? uses.get(e.name)?.reads : undefined;
      const index = moved?.findIndex(({ at }) => at === was) ?? -1;
      if (index >= 0) moved![index] = { node: next.id, at: e as Var };
    });
  }
}

type LocalAssign = Assign & { readonly l: Var };

function isPlainLocal(e: Assign): e is LocalAssign {
  return e.op === '=' && e.l.k === 'var' && e.l.local && e.l.array !== true;
}

function usesOf(nodes: readonly Node[]): Map<string, Uses> {
  const uses = new Map<string, Uses>();
  const of = (name: string): Uses => {
    let use = uses.get(name);
    if (use === undefined) {
      use = { writes: 0, reads: [], shared: false };
      uses.set(name, use);
    }
    return use;
  };
  for (const { id, expr, cases } of nodes) {
    const targets = new Set<Expr>();
    const visit = (e: Expr): void => {
      if (e.k === 'assign' && e.l.k === 'var') {
        targets.add(e.l);
        const use = of(e.l.name);
        if (e.op === '=') use.writes++;
        else use.shared = true;
      } else if (e.k === 'step' && e.e.k === 'var') of(e.e.name).shared = true;
      else if (e.k === 'addr')
        walk(e.e, (x) => {
          if (x.k === 'var' && x.local) of(x.name).shared = true;
        });
      else if (e.k === 'var' && e.local && !targets.has(e)) of(e.name).reads.push({ node: id, at: e });
    };
    if (expr !== undefined) walk(expr, visit);
    for (const value of cases ?? []) walk(value, visit);
  }
  return uses;
}

/** The node of the next statement, if nothing else leads to it: behind declarations and joins of one way; else -1. */
function following(nodes: readonly Node[], from: Node): number {
  for (let at = from; at.succ.length === 1; ) {
    const next = nodes[at.succ[0]!]!;
    if (next.preds !== 1) return -1;
    const isEmpty = next.kind === 'join' || next.expr?.k === 'declare';
    if (!isEmpty) return next.id;
    at = next;
  }
  return -1;
}

/**
 * The value as the name would hold it, which points to a `struct`, if it says so; undefined where the name's type changes
 * it in a way that a cast does not say.
 */
function converted(value: Expr, to: Var, struct: string | undefined): Expr | undefined {
  const { type } = to;
  if (struct !== undefined && value.k === 'member') return { ...value, struct };
  // Where the path loses an offset, the name of the array still leads to its pages.
  if (type === undefined && value.k === 'binary') return undefined;
  if (type === undefined || sameType(value.type, type) || isTruth(value)) return value;
  if (value.k === 'num' && value.n >= 0 && value.n < 128) return { ...value, type };
  const { start, end } = value;
  return { k: 'cast', e: value, type, start, end };
}

function sameType(a: Expr['type'], b: Expr['type']): boolean {
  return a !== undefined && b !== undefined && a.signed === b.signed && a.bits === b.bits;
}

/** Whether an expression may be evaluated where `at` stands in the next node, without that its value or an order changes. */
function mayMove(value: Expr, next: Node, at: Var): boolean {
  const read = new Set<string>();
  let acts = false;
  walk(value, (e) => {
    if (e.k === 'var') read.add(e.name);
    if (
      e.k === 'call' ||
      e.k === 'assign' ||
      e.k === 'step' ||
      e.k === 'opaque' ||
      e.k === 'seq' ||
      e.k === 'str'
    )
      acts = true;
  });
  const { expr } = next;
  if (expr === undefined || next.firstRound || next.kind === 'switch') return false;
  // What acts may only move to where it still comes first.
  if (acts) return expr.k === 'assign' && expr.op === '=' && expr.r === at && expr.l.k === 'var';
  let isChanged = false;
  let isConditional = false;
  walk(expr, (e) => {
    const target = e.k === 'assign' && e !== expr ? e.l : e.k === 'step' ? e.e : undefined;
    if (target?.k === 'var' && read.has(target.name)) isChanged = true;
    if (e.k === 'logic' || e.k === 'cond') isConditional = true;
  });
  return !isChanged && !isConditional;
}

/** Replaces one variable of an expression, in place: calls keep their identity. */
function replaced(e: Expr, from: Var, to: Expr): Expr {
  if (e === from) return to;
  const parts = e as unknown as Record<string, unknown>;
  for (const [name, part] of Object.entries(parts)) {
    if (Array.isArray(part))
      part.forEach((each, i) => {
        if (isExpr(each)) part[i] = replaced(each, from, to);
      });
    else if (isExpr(part)) parts[name] = replaced(part, from, to);
  }
  return e;
}

function isExpr(part: unknown): part is Expr {
  return typeof part === 'object' && part !== null && 'k' in part;
}
