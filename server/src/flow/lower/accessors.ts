/**
 * Macros that read or write a variable: they are lowered to what they stand for, so that a page which is stored by one
 * is stored, and a count which is computed by one is known. Sources: include/asm-generic/rwonce.h, barrier.h,
 * include/linux/rcupdate.h; ACCESS_ONCE() is the name of before 4.15.
 */
import type { BinaryOp, Expr, Place } from './ir.ts';

/** How the first argument names the variable: itself, or by its address. */
interface Accessor {
  readonly by: 'name' | 'address';
  readonly does: 'read' | 'write';
}

const ACCESSORS: ReadonlyMap<string, Accessor> = new Map([
  ...rows('READ_ONCE ACCESS_ONCE data_race', 'name', 'read'),
  ...rows(
    'rcu_dereference rcu_dereference_raw rcu_dereference_check rcu_dereference_protected',
    'name',
    'read',
  ),
  ...rows('rcu_dereference_bh rcu_dereference_sched rcu_access_pointer rcu_pointer_handoff', 'name', 'read'),
  ...rows('srcu_dereference srcu_dereference_check unrcu_pointer', 'name', 'read'),
  ...rows('smp_load_acquire', 'address', 'read'),
  ...rows('WRITE_ONCE smp_store_mb rcu_assign_pointer RCU_INIT_POINTER', 'name', 'write'),
  ...rows('smp_store_release', 'address', 'write'),
]);

function rows(names: string, by: Accessor['by'], does: Accessor['does']): [string, Accessor][] {
  return names.split(' ').map((name) => [name, { by, does }]);
}

/** What a call of an accessor does, as a plain read or assignment at `at`; undefined for any other call. */
export function accessOf(fn: string | undefined, args: readonly Expr[], at: Place): Expr | undefined {
  const accessor = fn === undefined ? undefined : ACCESSORS.get(fn);
  const [first, value] = args;
  const bits = bitAccess(fn, args, at);
  if (bits !== undefined) return bits;
  if (accessor === undefined || first === undefined) return undefined;
  const variable: Expr = accessor.by === 'name' ? first : pointedTo(first, at);
  if (accessor.does === 'read') return variable;
  if (value === undefined) return undefined;
  return { k: 'assign', op: '=', l: variable, r: value, type: variable.type, ...at };
}

/** include/linux/bitops.h, as far as a word of flags is meant that a variable or member is: `set_bit(PINNED, &ctx->flags)`. */
const BIT = /^(?:__|arch_)?(set|clear|test)_bit(?:_unlock|_acquire)?$/;

/** A bit that is set, cleared or asked for, as the operation on its word. A bit with a name stands for itself. */
function bitAccess(fn: string | undefined, [nr, address]: readonly Expr[], at: Place): Expr | undefined {
  const does = fn === undefined ? undefined : BIT.exec(fn)?.[1];
  if (does === undefined || nr === undefined || address?.k !== 'addr') return undefined;
  const bit: Expr | undefined =
    nr.k === 'num' && nr.n >= 0 && nr.n < 31
      ? { ...nr, n: 2 ** nr.n }
      : nr.k === 'var' && !nr.local
        ? nr
        : undefined;
  const word = address.e;
  if (bit === undefined || (word.k !== 'var' && word.k !== 'member')) return undefined;
  if (does === 'test') return { k: 'binary', op: '&', l: word, r: bit, ...at };
  const others: Expr = { k: 'unary', op: '~', e: bit, ...at };
  return { k: 'assign', op: does === 'set' ? '|' : '&', l: word, r: does === 'set' ? bit : others, ...at };
}

/** Macros that put what is not known into the variable that they are given: include/linux/uaccess.h. */
const FETCHES = /^(__|unsafe_|arch_unsafe_)?get_user(_nofault|_inatomic)?$/;

/** include/linux/overflow.h: the result goes where the third argument points. */
const CHECKED: ReadonlyMap<string, BinaryOp> = new Map([
  ['check_add_overflow', '+'],
  ['check_sub_overflow', '-'],
  ['check_mul_overflow', '*'],
]);

/** What a call assigns beside its result: of these macros, and bvec_set_page() of include/linux/bvec.h. */
export function assignedBy(fn: string | undefined, args: readonly Expr[], at: Place): Expr | undefined {
  const [first, second, third] = args;
  if (fn === undefined || first === undefined || second === undefined) return undefined;
  if (FETCHES.test(fn))
    return { k: 'assign', op: '=', l: first, r: { k: 'opaque', parts: [], ...at }, ...at };
  if (fn === 'bvec_set_page') {
    const l: Expr = { k: 'member', base: pointedTo(first, at), name: 'bv_page', arrow: false, ...at };
    return {
      k: 'assign',
      op: '=',
      l: l.base.k === 'deref' ? { ...l, base: l.base.e, arrow: true } : l,
      r: second,
      ...at,
    };
  }
  const op = CHECKED.get(fn);
  if (op === undefined || third === undefined) return undefined;
  const l = pointedTo(third, at);
  return { k: 'assign', op: '=', l, r: { k: 'binary', op, l: first, r: second, ...at }, type: l.type, ...at };
}

function pointedTo(address: Expr, at: Place): Expr {
  return address.k === 'addr' ? address.e : { k: 'deref', e: address, ...at };
}
