/** Runs expressions: each gives one or more outcomes, a state and a value. */
import { conditionText, switchText } from '../lower/conditions.ts';
import { EFAULT } from '../lower/constants.ts';
import { convert } from '../lower/ctypes.ts';
import type { Assign, Binary, Call, Expr, Index, Step } from '../lower/ir.ts';
import { oneLine } from '../lower/ir.ts';
import { binary, isErrno, isPositiveCount, losesSign, truth } from '../state/arithmetic.ts';
import { isNotZero, learn, learnName, settle } from '../state/learn.ts';
import { isNamedConstant } from '../state/named.ts';
import { ALLOCATED, asAddress, blank, elementPlace, read, readSomewhere } from '../state/places.ts';
import type { State } from '../state/state.ts';
import { isPlainUnknown, type Sym, TOP, type Value } from '../state/value.ts';
import { call } from './call.ts';
import { copyObject } from './copy.ts';
import { boundRequest, isCopyOfCount, isLengthInUse, mayBeTwo, shared, startOfSum } from './counts.ts';
import { doubtRounds } from './doubt.ts';
import { comparedWithFresh } from './fresh.ts';
import { doubtMixed } from './mixed.ts';
import { comparedWithFunction, functionAt } from './pointer.ts';
import { errorComparedWithCount, observeSign } from './sign.ts';
import { touch } from './touch.ts';
import { elementOf, memberOf, NOWHERE, pointee, store, type Where } from './where.ts';
import type { Frame, Outcome, World } from './world.ts';

/** `list.flatMap(next)`, and without a new list where there is one item: most expressions have one outcome. */
export function each<T, R>(list: readonly T[], next: (item: T) => R[]): R[] {
  return list.length === 1 ? next(list[0]!) : list.flatMap(next);
}

/** `list.map(next)`. */
function eachOne<T, R>(list: readonly T[], next: (item: T) => R): R[] {
  return list.length === 1 ? [next(list[0]!)] : list.map(next);
}

/** Evaluates `e`. May change `st`, which belongs to the caller no more: go on with the outcomes' states. */
export function evaluate(w: World, f: Frame, st: State, e: Expr): Outcome[] {
  switch (e.k) {
    case 'num':
      return [{ st, v: w.values.int(e.n) }];
    case 'str':
      return [{ st, v: w.values.unknown('string') }];
    case 'declare':
      st.store.set(w.values.local(f.name, e.name), TOP);
      if (e.blank) st.store.set(blank(w.values.local(f.name, e.name)), w.values.int(0));
      if (e.zeroed)
        for (const i of [0, 1]) st.store.set(elementPlace(`&${f.name}:${e.name}`, i), w.values.int(0));
      return [{ st, v: TOP }];
    case 'var':
    case 'member':
    case 'index':
    case 'deref':
      return eachOne(locate(w, f, st, e), ({ st: s, at }) => ({ st: s, v: readAt(w, f, s, at, e) }));
    case 'addr':
      return addressOf(w, f, st, e.e);
    case 'unary':
      return eachOne(evaluate(w, f, st, e.e), ({ st: s, v }) => ({
        st: s,
        v: e.op === '!' && (hasFlag(v, e.e) || functionAt(w, v)) ? w.values.int(0) : unary(w, s, e.op, v),
      }));
    case 'binary':
      return each(evaluate(w, f, st, e.l), (l) =>
        eachOne(evaluate(w, f, l.st, e.r), (r) => ({
          st: r.st,
          v: compute(w, f, r.st, e, l.v, r.v),
        })),
      );
    case 'logic':
      return each(evaluate(w, f, st, e.l), ({ st: s, v }) =>
        each(decide(w, f, s, v, e.l, false), (d) => {
          if (d.holds !== (e.op === '&&')) return [{ st: d.st, v: w.values.int(d.holds ? 1 : 0) }];
          return eachOne(evaluate(w, f, d.st, e.r), (r) => {
            const t = truth(r.v);
            return { st: r.st, v: t === undefined ? r.v : w.values.int(t ? 1 : 0) };
          });
        }),
      );
    case 'cond':
      return each(evaluate(w, f, st, e.c), ({ st: s, v }) =>
        each(decide(w, f, s, v, e.c, false), (d) => evaluate(w, f, d.st, d.holds ? e.a : e.b)),
      );
    case 'assign':
      return assign(w, f, st, e);
    case 'step':
      return step(w, f, st, e);
    case 'call':
      return each(evaluateAll(w, f, st, e.args), ({ st: s, vs }) =>
        call(
          w,
          f,
          s,
          resolved(w, f, s, e),
          boundRequest(w, s, e, vs, (x) => lostNumber(w, f, s, x)),
        ),
      );
    case 'cast':
      return eachOne(evaluate(w, f, st, e.e), ({ st: s, v }) => ({
        st: s,
        v: v.t === 'int' && e.type !== undefined ? w.values.int(convert(v.n, e.type)) : v,
      }));
    case 'seq':
      return eachOne(evaluateAll(w, f, st, e.items), ({ st: s, vs }) => ({ st: s, v: vs.at(-1) ?? TOP }));
    case 'opaque':
      if (e.returns) {
        for (const { st: s, vs } of evaluateAll(w, f, st, e.parts))
          f.onReturn(s, vs.at(-1), { start: e.start, end: e.end });
        return [];
      }
      return eachOne(evaluateAll(w, f, st, e.parts), ({ st: s }) => ({ st: s, v: TOP }));
  }
}

/** The call of a function that the path itself has put into the pointer, as a call by name. */
function resolved(w: World, f: Frame, st: State, e: Call): Call {
  if (e.fn !== undefined || e.callee === undefined) return e;
  const pointer = e.callee.k === 'deref' ? e.callee.e : e.callee;
  if (pointer.k !== 'member' && pointer.k !== 'var') return e;
  const [found, ...more] = locate(w, f, st.clone(), pointer);
  if (more.length > 0 || found?.at.in !== 'place') return e;
  const fn = functionAt(w, st.store.get(found.at.place) ?? TOP);
  return fn === undefined ? e : { ...e, fn, callee: undefined };
}

/** Place of the variable, member or `*count` that an expression reads, perhaps with a cast, where the path has lost its value. */
function lostNumber(w: World, f: Frame, st: State, e: Expr): string | undefined {
  if (e.k === 'cast') return lostNumber(w, f, st, e.e);
  const isVariable = e.k === 'var' && (!e.local || f.facts.tracked.has(e.name)) && e.array !== true;
  if (!isVariable && e.k !== 'member' && e.k !== 'deref') return undefined;
  const [found, ...more] = locate(w, f, st.clone(), e);
  if (more.length > 0 || found?.at.in !== 'place') return undefined;
  return st.store.get(found.at.place) === TOP ? found.at.place : undefined;
}

function compute(w: World, f: Frame, st: State, e: Binary, l: Value, r: Value): Value {
  const known =
    comparedWithFresh(st, e.op, l, r) ??
    comparedWithFunction(w, e.op, l, r) ??
    errorComparedWithCount(w, f, e, l, r);
  if (known !== undefined) return w.values.int(known ? 1 : 0);
  const [a, b] = e.op === '&' || e.op === '|' ? [l, r] : asNumbers(w, l, r);
  const v = binary(w.values, e.op, a, b, { l: e.l.type, r: e.r.type });
  if (l.t === 'int' && r.t === 'int' && losesSign(e.op, l.n, r.n, e.l.type, e.r.type))
    observeSign(w, f, st, e, isPositiveCount(r.n) ? e.l : e.r, truth(v) === true);
  return settle(st, w.values, v);
}

/** Both operands as numbers, where names stand for them; else both as they are, so that names are compared with names. */
function asNumbers(w: World, l: Value, r: Value): readonly [Value, Value] {
  const a = numberOf(w, l);
  const b = numberOf(w, r);
  return a.t === 'int' && b.t === 'int' ? [a, b] : [l, r];
}

function numberOf(w: World, v: Value): Value {
  if (v.t !== 'sym' || v.place?.[0] !== ':') return v;
  const n = w.number(v.place.slice(1));
  return n === undefined ? v : w.values.int(n);
}

/** Evaluates expressions from left to right. */
export function evaluateAll(
  w: World,
  f: Frame,
  st: State,
  items: readonly Expr[],
): { st: State; vs: Value[] }[] {
  let outs: { st: State; vs: Value[] }[] = [{ st, vs: [] }];
  for (const item of items) {
    const [only] = outs;
    const results = outs.length === 1 ? evaluate(w, f, only!.st, item) : undefined;
    if (results?.length === 1) {
      only!.st = results[0]!.st;
      only!.vs.push(results[0]!.v);
      continue;
    }
    if (results !== undefined) {
      outs = results.map((r) => ({ st: r.st, vs: [...only!.vs, r.v] }));
      continue;
    }
    outs = outs.flatMap((o) =>
      eachOne(evaluate(w, f, o.st, item), (r) => ({ st: r.st, vs: [...o.vs, r.v] })),
    );
  }
  return outs;
}

function locate(w: World, f: Frame, st: State, e: Expr): { st: State; at: Where }[] {
  switch (e.k) {
    case 'var':
      return [
        {
          st,
          at: { in: 'place', place: w.values.local(e.local ? f.name : '', e.name), array: e.array ?? false },
        },
      ];
    case 'member': {
      if (!e.arrow)
        return eachOne(locate(w, f, st, e.base), ({ st: s, at }) => ({
          st: s,
          at: memberOf(w, f, s, at, e),
        }));
      return eachOne(evaluate(w, f, st, e.base), ({ st: s, v }) => ({
        st: s,
        at: memberOf(w, f, s, pointee(v, 0), e),
      }));
    }
    case 'index':
      return locateIndex(w, f, st, e);
    case 'deref':
      return eachOne(evaluate(w, f, st, e.e), ({ st: s, v }) => ({ st: s, at: pointee(v, 0) }));
    case 'cast':
      return locate(w, f, st, e.e);
    default:
      return eachOne(evaluate(w, f, st, e), ({ st: s, v }) => ({
        st: s,
        at: v.t === 'data' ? { in: 'data', ref: v } : NOWHERE,
      }));
  }
}

function locateIndex(w: World, f: Frame, st: State, e: Index): { st: State; at: Where }[] {
  return each(evaluate(w, f, st, e.base), ({ st: s, v: base }) =>
    eachOne(evaluate(w, f, s, e.index), ({ st: t, v: i }) => ({
      st: t,
      at: pointee(elementOf(w, base, i), i.t === 'int' ? i.n : null),
    })),
  );
}

function readAt(w: World, f: Frame, st: State, at: Where, e: Expr): Value {
  switch (at.in) {
    case 'place':
      if (at.array) return w.values.ptr(`&${at.place}`, 0);
      if (e.k === 'var' && e.local && !f.facts.tracked.has(e.name) && !st.store.has(at.place))
        return w.values.initial(at.place);
      return read(st, w.values, at.place);
    case 'object': {
      const v = readSomewhere(st, w.values, at.base);
      if (v === TOP) doubtMixed(st, at.base);
      return v;
    }
    case 'data':
      touch(w, f, st, at.ref, 'read', e, true);
      return TOP;
    case 'nowhere':
      return TOP;
  }
}

function addressOf(w: World, f: Frame, st: State, e: Expr): Outcome[] {
  if (e.k === 'deref') return evaluate(w, f, st, e.e);
  if (e.k === 'index') {
    return each(evaluate(w, f, st, e.base), ({ st: s, v: base }) =>
      eachOne(evaluate(w, f, s, e.index), ({ st: t, v: i }) => {
        const address = asAddress(base);
        if (address === undefined) return { st: t, v: base.t === 'data' ? base : TOP };
        const element = elementOf(w, base, i);
        if (element !== base) return { st: t, v: element };
        const off = i.t === 'int' && address.off !== null ? address.off + i.n : null;
        return { st: t, v: w.values.ptr(address.base, off) };
      }),
    );
  }
  return eachOne(locate(w, f, st, e), ({ st: s, at }) => {
    if (at.in === 'place') return { st: s, v: w.values.ptr(`&${at.place}`, 0) };
    return { st: s, v: at.in === 'data' ? at.ref : TOP };
  });
}

function unary(w: World, st: State, op: '-' | '~' | '!' | '+', v: Value): Value {
  if (op === '+') return v;
  if (op === '!') {
    const t = truth(v);
    return t === undefined ? settle(st, w.values, w.values.operation('!', [v])) : w.values.int(t ? 0 : 1);
  }
  if (v.t === 'int') return w.values.int(op === '-' ? -v.n : ~v.n);
  return v.t === 'sym' ? settle(st, w.values, w.values.operation(op, [v])) : TOP;
}

function assign(w: World, f: Frame, st: State, e: Assign): Outcome[] {
  return each(evaluate(w, f, st, e.r), (r) =>
    eachOne(locate(w, f, r.st, e.l), ({ st: s, at }) => {
      let v = r.v;
      if (v === TOP && isCopyOfCount(w, f.ir, e)) v = shared(w, s, lostNumber(w, f, s, e.r));
      if (e.op !== '=') {
        const old = at.in === 'place' ? read(s, w.values, at.place) : TOP;
        v = settle(s, w.values, binary(w.values, e.op, old, r.v, { l: e.l.type, r: e.r.type }));
      }
      if (v.t === 'int') v = w.values.int(convert(isErrno(v.n) ? -EFAULT : v.n, e.l.type));
      if (e.op === '=' && s.sets.size > 0) copyMembers(w, f, s, e.r, at);
      store(w, f, s, at, v, e);
      return { st: s, v };
    }),
  );
}

/** `*to = *from` of a structure. */
function copyMembers(w: World, f: Frame, st: State, from: Expr, to: Where): void {
  const isObject = from.k === 'var' || (from.k === 'deref' && from.e.k === 'var');
  const source = isObject ? locate(w, f, st.clone(), from)[0]?.at : undefined;
  if (source?.in === 'place') copyObject(st, source.place, to.in === 'place' ? to.place : undefined);
}

function step(w: World, f: Frame, st: State, e: Step): Outcome[] {
  return eachOne(locate(w, f, st, e.e), ({ st: s, at }) => {
    const old = at.in === 'place' ? read(s, w.values, at.place) : TOP;
    const next = binary(w.values, e.delta === 1 ? '+' : '-', old, w.values.int(1), {
      l: e.e.type,
      r: e.e.type,
    });
    store(w, f, s, at, next, e);
    return { st: s, v: e.prefix ? next : old };
  });
}

/** What a path assumes when it takes a branch whose condition it does not know. */
interface Decision {
  readonly st: State;
  readonly holds: boolean;
}

/**
 * Takes a condition both ways where it is unknown, and lets each way learn what it implies. In the condition of a loop
 * an unknown bound becomes a number (FLOW: an unknown count is 2), so that the rounds are run.
 */
export function decide(w: World, f: Frame, st: State, v: Value, e: Expr, loop: boolean): Decision[] {
  const known = outcomeOf(st, v) ?? truth(numberOf(w, v)) ?? hasFlag(v, e) ?? isThere(w, f, st, v, e);
  if (known !== undefined) return [{ st, holds: known }];
  if (v.t === 'sym') {
    if (loop && v.op !== undefined) {
      const bounded = boundLoop(w, f, st, e);
      if (bounded !== undefined) return bounded;
    }
  }
  const other = st.clone();
  return [take(w, f, st, v, e, true), take(w, f, other, v, e, false)];
}

/** The address of a function is not NULL, and the length of an array with pages is not 0. */
function isThere(w: World, f: Frame, st: State, v: Value, e: Expr): true | undefined {
  return functionAt(w, v) !== undefined || isLengthInUse(f.ir, st, e, v) || undefined;
}

/** The outcome of a condition with this value, where the path knows it. */
export function outcomeOf(st: State, v: Value): boolean | undefined {
  return truth(v) ?? (v.t === 'sym' ? remembered(st, v) : undefined);
}

/** A test for a flag that is certainly there, `flags & F`, gives the flag itself; undefined where it does not tell. */
function hasFlag(v: Value, e: Expr): true | undefined {
  return e.k === 'binary' && e.op === '&' && isNamedConstant(v) ? true : undefined;
}

/** The outcome of a condition that the path has met before, perhaps in another form: `p`, `!p`, `p == NULL`. */
function remembered(st: State, v: Sym): boolean | undefined {
  const fact = st.facts.get(v.key);
  if (fact !== undefined) return fact;
  if (v.op === undefined && isNotZero(st, v)) return true;
  const [a, b] = v.args ?? [];
  if (a?.t !== 'sym') return undefined;
  // An address that is not NULL is not NULL one element further.
  if (v.op === '+' && b?.t === 'int') return remembered(st, a) === true ? true : undefined;
  const inner = v.op === '!' || (b?.t === 'int' && b.n === 0) ? remembered(st, a) : undefined;
  if (inner === undefined) return undefined;
  if (v.op === '!' || v.op === '==') return !inner;
  return v.op === '!=' ? inner : undefined;
}

function take(w: World, f: Frame, st: State, v: Value, e: Expr, holds: boolean): Decision {
  const key = v.t === 'sym' ? v.key : undefined;
  st.record({ range: { start: e.start, end: e.end }, text: oneLine(w.text, e), holds, key });
  if (v.t !== 'sym') return { st, holds };
  const present = v.op === undefined ? holds : (v.op === '!=' && holds) || (v.op === '==' && !holds);
  if (present) st.foundFilled(v.op === undefined ? v : v.args?.[0]);
  if (v.op === undefined) {
    if (!holds) learn(st, w.values, v, 0);
    else if (v.key.startsWith(`@${ALLOCATED}`) || isAskedAgain(w, f, v, e)) st.facts.set(v.key, true);
    return { st, holds };
  }
  if (v.op === '!' && v.args !== undefined) return { st: take(w, f, st, v.args[0]!, e, !holds).st, holds };
  const [a, b] = v.args ?? [];
  const equality = (v.op === '==' && holds) || (v.op === '!=' && !holds);
  if (equality && a?.t === 'sym' && b?.t === 'int') learn(st, w.values, a, b.n);
  else if (equality && b?.t === 'sym' && a?.t === 'int') learn(st, w.values, b, a.n);
  else if (
    equality &&
    e.k === 'binary' &&
    isComparedAgain(w, f, e) &&
    isPlainUnknown(a!) &&
    !isNamedConstant(a) &&
    isNamedConstant(b)
  )
    learnName(st, w.values, a, b);
  else if (isAskedAgain(w, f, v, e)) {
    // That it is not zero is what `p`, `!p` and `p != NULL` ask for as well.
    const nonzero = (v.op === '==' || v.op === '!=') && a?.t === 'sym' && b?.t === 'int' && b.n === 0;
    if (nonzero) st.facts.set(a.key, true);
    else st.facts.set(v.key, holds);
  }
  return { st, holds };
}

/**
 * What a caller has handed down, `*0f:rw`, or a member of it, `**0f:buf[0].pinned`, as a condition or compared with a
 * constant: `(*0f:rw==*:READ)`.
 */
const HANDED_DOWN =
  /^(?:\*+\d\w*:\w+(?:(?:\[0\])?\.\w+)*|\(\*+\d\w*:\w+(?:(?:\[0\])?\.\w+)*[=!<>]+(?:\*:)?\w+\))$/;

/**
 * A condition that is written again, or one about a value that a caller has handed down, `if (write)`: the caller may have
 * handed the same to another helper, or decide by it itself.
 */
function isAskedAgain(w: World, f: Frame, v: Sym, e: Expr): boolean {
  return f.facts.repeated.has(conditionText(w.text, e)) || (f.depth > 0 && HANDED_DOWN.test(v.key));
}

/** What stands on the left of a comparison is compared with other constants as well, here or in a helper. */
function isComparedAgain(w: World, f: Frame, e: Binary): boolean {
  return f.facts.repeated.has(switchText(w.text, e.l));
}

/** Compares a counter with an unknown bound: the bound becomes 2, or 0 where no page is held that a round could release. */
function boundLoop(w: World, f: Frame, st: State, e: Expr): Decision[] | undefined {
  if (e.k !== 'binary') return undefined;
  const again = evaluate(w, f, st.clone(), e.l);
  const right = evaluate(w, f, st.clone(), e.r);
  const l = again[0]?.v;
  const r = right[0]?.v;
  if (again.length !== 1 || right.length !== 1 || l === undefined || r === undefined) return undefined;
  const start = startOfSum(r);
  if (start !== undefined && l.t === 'int' && Math.abs(l.n) <= 3) {
    learn(st, w.values, start, 0);
    return evaluate(w, f, st, e).map((o) => ({ st: o.st, holds: truth(o.v) ?? true }));
  }
  const unknown = mayBeTwo(l) && r.t === 'int' ? l : mayBeTwo(r) && l.t === 'int' ? r : undefined;
  const counter = l.t === 'int' ? l.n : r.t === 'int' ? r.n : Number.NaN;
  if (unknown === undefined || Math.abs(counter) > 3) return undefined;
  // What an object counts of its pages has not changed where nothing was acquired: those of before are not told apart.
  const isCount = unknown.place?.includes('.') === true && hasFailed(st);
  return (st.holdsPages() ? [2] : isCount ? [0] : [2, 0]).map((bound) => {
    const s = st.clone();
    learn(s, w.values, unknown, bound);
    if (bound > 0) doubtRounds(s);
    const n = w.values.int(bound);
    const v = binary(w.values, e.op, l === unknown ? n : l, r === unknown ? n : r, {
      l: e.l.type,
      r: e.r.type,
    });
    return { st: s, holds: truth(v) ?? true };
  });
}

/** Whether an acquire gave nothing on this path. */
function hasFailed({ sets }: State): boolean {
  for (let i = 0; i < sets.size; i++) if (sets.valueAt(i).result <= 0) return true;
  return false;
}
