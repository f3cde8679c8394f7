/** Which historical form of an acquiring function a call is written in. */
import { type AcquireForm, type AcquireModel, formsOf } from '../kernel/acquire.ts';
import type { Expr } from '../lower/ir.ts';

/**
 * The form of a call with these arguments; undefined when no kernel had such a form. Of two with as many arguments
 * (`get_user_pages_remote()` had a task in front, and two booleans instead of flags) the arguments tell which one it is.
 */
export function formOf(model: AcquireModel, args: readonly Expr[]): AcquireForm | undefined {
  const forms = formsOf(model, args.length);
  return forms.length < 2 ? forms[0] : (forms.find((form) => suits(form, args)) ?? forms[0]);
}

/** Whether what stands in the place of the array may be one, and what stands before it may be flags. */
function suits(form: AcquireForm, args: readonly Expr[]): boolean {
  if (isNumber(args[form.pages])) return false;
  const flags = args[form.flags];
  return flags?.k !== 'addr' && (isMm(args[1]) ? form.nr === 3 : form.nr !== 3 || isNumber(flags));
}

/** A number or a truth value, as far as the text tells. NULL is none. */
function isNumber(e: Expr | undefined): boolean {
  switch (e?.k) {
    case 'num':
      return e.name !== 'NULL';
    case 'var':
      return e.type !== undefined;
    case 'unary':
    case 'logic':
      return true;
    case 'binary':
      return e.op !== '+' && e.op !== '-';
    case 'cond':
      return isNumber(e.a) && isNumber(e.b);
    default:
      return false;
  }
}

/** `mm`, `current->mm`: in the forms with a task in front it is the second argument, in the others the address is. */
function isMm(e: Expr | undefined): boolean {
  return (e?.k === 'var' || e?.k === 'member') && /(?:^|_)mm$/.test(e.name);
}
