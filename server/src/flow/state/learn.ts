/** What a path learns: the value of an unknown, or the outcome of a condition. */
import type { BinaryOp } from '../lower/ir.ts';
import { binary, LEAST_BYTES } from './arithmetic.ts';
import type { State } from './state.ts';
import type { Sym, Value, Values } from './value.ts';

/** Learnt operations that a path remembers: counts are compared soon after they were requested. */
const MAX_EQUAL = 2;

/** From here on the path knows that `unknown` is `n`: replaces it, and computes what was derived from it. */
export function learn(st: State, values: Values, unknown: Sym, n: number): void {
  const known = values.int(n);
  // A number of bytes says nothing that is asked for again.
  if (unknown.op !== undefined && Math.abs(n) < LEAST_BYTES) {
    st.equal.set(unknown.key, n);
    if (st.equal.size > MAX_EQUAL) st.equal.delete(st.equal.keys().next().value!);
  }
  replaceBy(st, values, unknown, known);
}

/** From here on the path knows that `unknown` is the constant of a name. */
export function learnName(st: State, values: Values, unknown: Sym, constant: Sym): void {
  if (unknown !== constant) replaceBy(st, values, unknown, constant);
}

function replaceBy(st: State, values: Values, unknown: Sym, known: Value): void {
  const { store } = st;
  for (let i = 0; i < store.size; i++) {
    const v = store.valueAt(i);
    const next = v.t === 'sym' ? substitute(values, v, unknown, known) : v;
    if (next !== v) store.set(store.keyAt(i).text, next);
  }
  if (unknown.place !== undefined && !store.has(unknown.place)) store.set(unknown.place, known);
  st.facts.keep(({ text }) => !text.includes(unknown.key));
}

/** `v` with an unknown replaced by what it is known to be. */
export function substitute(values: Values, v: Value, unknown: Sym, known: Value): Value {
  if (v === unknown) return known;
  if (v.t !== 'sym' || v.args === undefined || !v.key.includes(unknown.key)) return v;
  const args = v.args.map((a) => substitute(values, a, unknown, known));
  if (args.every((a, i) => a === v.args![i])) return v;
  if (args.length === 2) return binary(values, v.op as BinaryOp, args[0]!, args[1]!, {});
  return values.operation(v.op!, args);
}

/** Value of an expression as the path knows it: an operation whose result was learnt is that number. */
export function settle(st: State, values: Values, v: Value): Value {
  if (v.t !== 'sym' || v.op === undefined) return v;
  const n = st.equal.get(v.key);
  return n === undefined ? v : values.int(n);
}

/** Operations that give 0 where their left side is 0. */
const KEEPS_ZERO = /^(?:>>|<<|[*/%&])/;

/** Whether the path knows of something that `v` can't be 0 with: a count of pages was made of it. */
export function isNotZero(st: State, v: Sym): boolean {
  const start = `(${v.key}`;
  for (let i = 0; i < st.equal.size; i++) {
    const { text } = st.equal.keyAt(i);
    if (st.equal.valueAt(i) !== 0 && text.startsWith(start) && KEEPS_ZERO.test(text.slice(start.length)))
      return true;
  }
  return false;
}
