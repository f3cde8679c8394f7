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

/** Texts under which the outcomes of a function's conditions are remembered, each as often as it is written. */
export function conditionsOf(text: string, nodes: readonly Node[]): string[] {
  const out: string[] = [];
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
