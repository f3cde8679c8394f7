/**
 * Constants that the path knows only by name: enumerators and macros whose definitions are not read. Names of one family
 * (`BUF_USER`, `BUF_KERNEL`) stand for different values, and as flags for different bits: that is what they are for.
 */
import type { BinaryOp } from '../lower/ir.ts';
import { type Sym, TOP, type Value, type Values } from './value.ts';

/** Place of a global in capitals: its initial content is the constant. */
const NAMED = /^:[A-Z][A-Z0-9]*_[A-Z0-9_]*$/;

/** Names of several members of a family, or of a second name for one of them. */
const COLLECTIVE =
  /_(MASK|ALL|ANY|DEFAULT|DEF|MIN|MAX|FIRST|LAST|START|END|COUNT|NUM|FLAGS|BITS|SHIFT|SIZE)(_|$)/;

/** Whether a value is a constant of which the name is known. */
export function isNamedConstant(v: Value | undefined): v is Sym {
  return v?.t === 'sym' && v.place !== undefined && NAMED.test(v.place);
}

/** Whether two named constants differ: other names that begin with the same word, none of them for several values. */
export function areApart(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b || !isNamedConstant(a) || !isNamedConstant(b)) return false;
  const [x, y] = [a.place!, b.place!];
  if (COLLECTIVE.test(x) || COLLECTIVE.test(y)) return false;
  const word = x.indexOf('_') + 1;
  return word > 0 && y.startsWith(x.slice(0, word));
}

/** `a op b` for what only names tell: whether two constants are the same, and which flags a word of flags has. */
export function byName(values: Values, op: BinaryOp, a: Value, b: Value): Value | undefined {
  if (op === '==' || op === '!=') return areApart(a, b) ? values.int(op === '==' ? 0 : 1) : undefined;
  if (op !== '&' || !isNamedConstant(b)) return undefined;
  const rest = withoutOthers(a, b);
  if (rest === a) return undefined;
  if (rest === undefined) return b;
  if (rest.t === 'int' && rest.n === 0) return rest;
  return rest.t === 'top' ? TOP : values.operation('&', [rest, b]);
}

/** The word of flags `a` without what says nothing of `flag`; undefined where it certainly has that flag. */
function withoutOthers(a: Value, flag: Sym): Value | undefined {
  if (a === flag) return undefined;
  if (a.t !== 'sym' || a.args === undefined) return a;
  const [l, r] = a.args;
  if (l === undefined || r === undefined) return a;
  if (a.op === '|') {
    if (r === flag || l === flag) return undefined;
    if (areApart(r, flag)) return withoutOthers(l, flag);
    if (areApart(l, flag)) return withoutOthers(r, flag);
  }
  if (a.op === '&' && r.t === 'sym' && r.op === '~' && areApart(r.args?.[0], flag))
    return withoutOthers(l, flag);
  return a;
}
