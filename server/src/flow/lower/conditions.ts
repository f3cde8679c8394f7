/** Conditions by their text: what is written twice is remembered on a path. */
import type { Expr, Node, Place } from './ir.ts';
import { walk } from './walk.ts';

/**
 * Text of a condition without spaces, without its comparison to zero or NULL, and whether or not it is negated. Of a test
 * for a flag it is the flag: a caller's `ctx->flags & CTX_PINNED` is its helper's `flags & CTX_PINNED`.
 */
export function conditionText(text: string, place: Place): string {
  let normal = known.get(place);
  if (normal === undefined) {
    normal = normalised(text, place);
    known.set(place, normal);
  }
  return normal;
}

/** Texts of conditions that were asked for. */
const known = new WeakMap<Place, string>();

function normalised(text: string, place: Place): string {
  return (place.written ?? text.slice(place.start, place.end))
    .replace(/\s+/g, '')
    .replace(/^!+/, '')
    .replace(/^(0|NULL)(==|!=)|(==|!=)(0|NULL)$/, '')
    .replace(/^.*(&[A-Z][A-Z0-9_]{2,}\)*)$/, '$1');
}

/** The text under which the outcomes of a switch are remembered: that of a comparison with any of its cases. */
export function switchText(text: string, place: Place): string {
  return `${conditionText(text, place)}==`;
}

/**
 * Texts under which the outcomes of a function's conditions are remembered, each as often as it is written. What every
 * round of a loop asks of something that none of them changes counts as written twice.
 */
export function conditionsOf(
  text: string,
  nodes: readonly Node[],
  params: readonly { readonly name: string }[],
): string[] {
  const out: string[] = [];
  for (const { kind, expr } of askedEveryRound(nodes, new Set(params.map((p) => p.name))))
    out.push(kind === 'switch' ? switchText(text, expr!) : conditionText(text, expr!));
  for (const n of nodes) {
    if (n.kind === 'branch' && n.expr !== undefined) {
      out.push(conditionText(text, n.expr));
      if (n.expr.k === 'binary' && n.expr.op === '==') out.push(switchText(text, n.expr.l));
    }
    if (n.kind === 'switch' && n.expr !== undefined) out.push(switchText(text, n.expr));
    if (n.expr !== undefined) walk(n.expr, (e) => addDecided(text, e, out));
  }
  return out;
}

/**
 * What an expression decides: the condition of `?:`, an operand of && or ||, and a comparison that is handed on as a value,
 * `finish(pages, n, rw == READ)` or `write = rw == READ`, for another to decide by it.
 */
function addDecided(text: string, e: Expr, out: string[]): void {
  if (e.k === 'cond') out.push(conditionText(text, e.c));
  else if (e.k === 'logic') out.push(conditionText(text, e.l));
  const values = e.k === 'call' ? e.args : e.k === 'assign' ? [e.r] : [];
  for (const v of values) if (isComparison(v)) out.push(conditionText(text, v));
}

function isComparison(e: Expr): boolean {
  if (e.k === 'unary') return e.op === '!';
  return e.k === 'binary' && /^(?:[=!<>]=|[<>])$/.test(e.op);
}

/** Switches and branches in loops on parameters that nothing in a loop assigns. */
function askedEveryRound(nodes: readonly Node[], params: ReadonlySet<string>): Node[] {
  const looped = inLoops(nodes).filter(({ kind, loop }) => kind !== 'branch' || loop === undefined);
  const asking = looped.filter(
    ({ kind, expr }) => asks(kind) && expr !== undefined && isSteady(expr, params),
  );
  if (asking.length === 0) return [];
  const assigned = new Set<string>();
  for (const { expr } of looped)
    if (expr !== undefined)
      walk(expr, (e) => {
        if (e.k === 'assign') addTarget(e.l, assigned);
        else if (e.k === 'step' || e.k === 'addr') addTarget(e.e, assigned);
      });
  return asking.filter(({ expr }) => {
    let steady = true;
    walk(expr!, (e) => {
      if ((e.k === 'var' || e.k === 'member') && assigned.has(e.name)) steady = false;
    });
    return steady;
  });
}

function asks(kind: Node['kind']): boolean {
  return kind === 'switch' || kind === 'branch';
}

/** Nodes between the two ends of an edge that leads back: they are numbered as they are written. */
function inLoops(nodes: readonly Node[]): Node[] {
  const until = new Map<number, number>();
  for (const { id, succ } of nodes)
    for (const to of succ) if (to <= id) until.set(to, Math.max(until.get(to) ?? 0, id));
  if (until.size === 0) return [];
  let end = -1;
  return nodes.filter(({ id }) => {
    end = Math.max(end, until.get(id) ?? -1);
    return id <= end;
  });
}

function addTarget(e: Expr, into: Set<string>): void {
  if (e.k === 'var' || e.k === 'member') into.add(e.name);
  else if (e.k === 'cast') addTarget(e.e, into);
}

/** A parameter by itself, negated, or compared with a constant. */
function isSteady(e: Expr, params: ReadonlySet<string>): boolean {
  if (e.k === 'var') return params.has(e.name);
  if (e.k === 'unary') return e.op === '!' && isSteady(e.e, params);
  return e.k === 'binary' && (e.op === '==' || e.op === '!=') && e.r.k === 'num' && isSteady(e.l, params);
}
