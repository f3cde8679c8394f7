/** An acquire forks a path into outcome classes: none of the pages, some, or all. */
import { FOLL } from '#engine/protocol/flags.ts';
import { formOf } from '../facts/form.ts';
import type { AcquireForm, AcquireModel } from '../kernel/acquire.ts';
import { EFAULT } from '../lower/constants.ts';
import type { Call, Expr, FunctionIr, Node } from '../lower/ir.ts';
import { oneLine } from '../lower/ir.ts';
import { learn, substitute } from '../state/learn.ts';
import { asAddress, elementPlace, pagesIn, somewhere, ZEROED } from '../state/places.ts';
import { type PageSet, type Slot, type State, UNKNOWN_ARRAY } from '../state/state.ts';
import { asUnfilled, certainBits, isPageRef, TOP, unfilled, type Value } from '../state/value.ts';
import { mentions } from './forget.ts';
import { isUserBacked } from './iter-kind.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Runs an acquiring call: one outcome per class that its API can give (FLOW: Fail, None, Part, Full). */
export function acquire(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  model: AcquireModel,
  args: readonly Value[],
): Outcome[] {
  const form = formOf(model, e.args);
  const flags = flagsOf(w, model, form, args);
  const given = form === undefined ? TOP : form.pages < 0 ? TOP : (args[form.pages] ?? TOP);
  const nullPages =
    given.t === 'int' &&
    given.n === 0 &&
    isWritten(form === undefined ? undefined : e.args[form.pages], f.ir);
  const nr = requested(w, st, form, args);
  // The array may stand behind as many other things as there are pages.
  const asked = form?.nr === undefined ? TOP : (args[form.nr] ?? TOP);
  const pages = asked.t === 'sym' ? substitute(w.values, given, asked, w.values.int(nr)) : given;
  const flagsExpr = form === undefined ? undefined : e.args[form.flags];
  const seen = { call: e, model, form, flags, nullPages, nr, within: f.within };
  w.observe({ what: 'acquire', ...seen, flagsExpr });
  const outcomes: Outcome[] = [];
  for (const r of classes(model, nr, flags, nullPages)) {
    const s = st.clone();
    const locked = form?.locked === undefined ? undefined : args[form.locked];
    if (locked !== undefined) maySayUnlocked(w, f, s, e, locked);
    if (nullPages || (r <= 0 && model.result !== 'count')) {
      outcomes.push({ st: s, v: w.values.int(r) });
      continue;
    }
    const mayUnlock = locked !== undefined && !(locked.t === 'int' && locked.n === 0);
    const set = addSet(w, f, s, { ...seen, result: r }, mayUnlock);
    const first = fill(w, f, s, pages, e, form, set);
    outcomes.push({ st: s, v: model.result === 'page' ? first : w.values.int(r) });
  }
  return outcomes;
}

/**
 * `*locked` says from here on whether mmap_lock is still held: a call may drop it and return pages all the same. In a
 * loop's second round the answer has no identity.
 */
function maySayUnlocked(w: World, f: Frame, st: State, e: Call, locked: Value): void {
  const address = asAddress(locked);
  if (address === undefined) return;
  const answer = w.values.unknown(`${f.name}#${e.site}~locked`);
  st.store.set(elementPlace(address.base, 0), mentions(st, answer) ? TOP : answer);
}

/** The flags as passed; of a function that takes none, an unknown with the bits that it sets itself. */
function flagsOf(
  w: World,
  model: AcquireModel,
  form: AcquireForm | undefined,
  args: readonly Value[],
): Value {
  if (model.implied !== undefined)
    return w.values.operation('|', [w.values.unknown(model.name), w.values.int(model.implied)]);
  return form === undefined ? TOP : (args[form.flags] ?? TOP);
}

/**
 * Whether NULL is written there, or a local to which it is assigned, or a parameter: of a member that reads as zero another
 * name may be in use (a union).
 */
export function isWritten(e: Expr | undefined, ir: FunctionIr): boolean {
  if (e?.k === 'cast') return isWritten(e.e, ir);
  if (e?.k !== 'var' || !e.local) return e?.k === 'num';
  const isZero = ({ expr }: Node): boolean =>
    expr?.k === 'assign' && expr.l.k === 'var' && expr.l.name === e.name && expr.r.k === 'num';
  return ir.params.some(({ name }) => name === e.name) || ir.nodes.some(isZero);
}

/** The count in the small world: an unknown becomes 2, and so does everything that is known to equal it. */
function requested(w: World, st: State, form: AcquireForm | undefined, args: readonly Value[]): number {
  if (form?.nr === undefined) return 1;
  const v = args[form.nr] ?? TOP;
  if (v.t === 'int') return Math.max(0, v.n);
  if (v.t === 'sym') {
    learn(st, w.values, v, 2);
    return 2;
  }
  return 2;
}

function classes(model: AcquireModel, nr: number, flags: Value, nullPages: boolean): number[] {
  if (nr === 0) return [0];
  if (model.result === 'bool') return [0, 1];
  const out = model.neverNegative === true ? [] : [-EFAULT];
  const mayBeNone = model.mayBeNone || (certainBits(flags) & FOLL.NOWAIT) !== 0;
  if (mayBeNone && !nullPages) out.push(0);
  if (nr > 1) out.push(1);
  out.push(nr);
  return out;
}

export type Seen = Pick<PageSet, 'call' | 'model' | 'form' | 'flags' | 'nr' | 'within' | 'result'>;

/** Adds the pages that a call of `seen` acquired on this path; `mayUnlock`: with a `locked` pointer the call may drop mmap_lock. */
export function addSet(w: World, f: Frame, st: State, seen: Seen, mayUnlock = false): PageSet {
  const site = `${f.name}#${seen.call.site}`;
  const id =
    seen.result <= 0
      ? `${site}.none`
      : ([`${site}.0`, `${site}.1`].find((candidate) => isFree(st, candidate)) ?? `${site}.many`);
  const many = id.endsWith('.many');
  st.forget(id);
  const size = Math.min(seen.nr, 2);
  const filled: Slot = many ? 'unsure' : 'held';
  const slots = Array.from({ length: size }, (_, i): Slot => (i < seen.result ? filled : 'empty'));
  const set: PageSet = {
    ...seen,
    id,
    kind: seen.model.kind,
    slots,
    written: 'no',
    read: false,
    dirtied: 'no',
    device: undefined,
    exposed: undefined,
    pageLocked: false,
    guessed: many,
    underLock: seen.model.underMmapLock && !mayUnlock,
    freed: undefined,
    escaped: undefined,
    iterator: isUserBacked(st) ? 'user' : 'unknown',
  };
  st.sets.set(id, set);
  st.record({
    set: id,
    step: {
      op: 'acquire',
      api: seen.model.api,
      flags: certainBits(seen.flags),
      nr: size,
      set: 0,
      expect: Math.min(seen.result, size),
    },
    range: { start: seen.call.start, end: seen.call.end },
    text: oneLine(w.text, seen.call),
    within: seen.within,
    acquired: set,
  });
  return set;
}

/** A set number that no living set of the same call uses. */
function isFree(st: State, id: string): boolean {
  const set = st.sets.get(id);
  return set === undefined || set.slots.every((s) => s === 'empty' || s === 'released');
}

const UNKNOWN_BASE = '!';

/** Stores the pages where the call puts them. Returns the reference to the first. */
function fill(
  w: World,
  f: Frame,
  st: State,
  pages: Value,
  e: Call,
  form: AcquireForm | undefined,
  set: PageSet,
): Value {
  const first = w.values.ref('page', set.id, 0);
  const address = asAddress(pages);
  if (address === undefined) {
    if (set.result <= 0) return first;
    // The array is not told apart from others, so others may know it. A plain variable leads to it from here on.
    if (form === undefined || form.pages >= 0) st.update(set.id, { escaped: UNKNOWN_ARRAY });
    const expr = form === undefined || form.pages < 0 ? undefined : e.args[form.pages];
    if (expr?.k !== 'var' || !expr.local) return first;
    const base = `${UNKNOWN_BASE}${f.name}:${expr.name}`;
    st.store.set(`${f.name}:${expr.name}`, w.values.ptr(base, 0));
    return fillArray(w, st, base, 0, set);
  }
  if (address.base.startsWith(UNKNOWN_BASE)) st.update(set.id, { escaped: UNKNOWN_ARRAY });
  return fillArray(w, st, address.base, address.off, set);
}

/** What an array held may be overwritten by pages that are not told apart: its elements say less from here on. */
function blur(st: State, base: string, off: number | null): void {
  for (const { v } of pagesIn(st, base)) if (isPageRef(v)) st.update(v.set, { guessed: true });
  for (let i = 0; i < 2; i++) st.foundFilled(st.store.get(elementPlace(base, (off ?? 0) + i)));
}

/** What stands in an entry that the call did not fill: NULL that was written before, or nothing that is known. */
function before(st: State, base: string, place: string): 'null' | 'nothing' | 'something' {
  const v = st.store.get(place);
  if (v === undefined) return base.startsWith(`@${ZEROED}`) ? 'null' : 'nothing';
  if (v.t === 'int') return v.n === 0 ? 'null' : 'something';
  return v.t === 'top' || asUnfilled(v) !== undefined ? 'nothing' : 'something';
}

/** Stores the pages of a set in the elements of the array at `base`. Returns the reference to the first. */
export function fillArray(w: World, st: State, base: string, off: number | null, set: PageSet): Value {
  const first = w.values.ref('page', set.id, 0);
  // The call wrote to it: it is not NULL.
  if (!base.startsWith('&') && set.result > 0) st.facts.set(base, true);
  if (off === null && set.result <= 0) return first;
  if (off === null || set.id.endsWith('.many')) {
    blur(st, base, off);
    st.store.set(somewhere(base, set.id), w.values.ref('page', set.id, null));
    return first;
  }
  set.slots.forEach((slot, i) => {
    const place = elementPlace(base, off + i);
    if (slot === 'held') st.store.set(place, w.values.ref('page', set.id, i));
    else {
      const found = before(st, base, place);
      if (found === 'something') return;
      const entry = unfilled(w.values, set.id, i);
      st.store.set(place, entry);
      // Whoever asks for it finds NULL; whoever releases it does so all the same.
      if (found === 'null') st.facts.set(entry.key, false);
    }
  });
  return first;
}
