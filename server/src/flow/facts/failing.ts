/** Functions of which the text says that they only fail. */

const RETURNS = /\breturn\b([^;]*);/g;
const ERROR = /^[\s(]*(?:ERR_PTR\s*\(\s*)?-\s*E[A-Z][A-Z0-9]+[\s)]*$/;

/** Whether all that a function returns are errors, `-EAGAIN` or `ERR_PTR(-ENOMEM)`: it starts something for a later try. */
export function alwaysFails(code: string): boolean {
  const returned = [...code.matchAll(RETURNS)];
  return returned.length > 0 && returned.every((match) => ERROR.test(match[1]!));
}
