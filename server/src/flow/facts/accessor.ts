/** Functions of the file that are a few statements about an object's members: setters, getters, questions. */

/** Longer functions do more than that. */
const MAX_LENGTH = 400;

/** More branches make more paths. */
const MAX_BRANCHES = 2;

const BRANCH = /\b(?:if|case)\b|[?]|&&|\|\|/g;

/** What makes paths long, leaves the function's order, or makes an object. */
const NOT_PLAIN = /\b(?:for|while|do|goto|asm)\b|\b\w*for_each\w*\s*\(|\w*[aA]lloc\w*\s*\(/;

/** Arithmetic of members: how far a ring or a cursor has come. */
const COUNTS = /->\s*\w+\s*(?:[-+](?![-+=>])|[*/%])|(?<![-+])[-+/%]\s*\w+\s*->/;

/**
 * Whether a function only sets members of an object or answers by them: running it costs little, and tells what the path
 * asks for later. `bodyAt` is where its body starts.
 */
export function isAccessor(code: string, bodyAt: number): boolean {
  if (code.length - bodyAt > MAX_LENGTH) return false;
  const body = code.slice(bodyAt);
  if (!body.includes('->') || NOT_PLAIN.test(body) || COUNTS.test(body)) return false;
  return (body.match(BRANCH)?.length ?? 0) <= MAX_BRANCHES;
}
