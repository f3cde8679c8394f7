/** Parameters through which a function of the file writes nothing. */

/** Comes before a question: a bracket of a keyword, an operator, or the `return` of an answer. */
const ASKS = String.raw`(?:\b(?:if|while|switch|return)\b\s*\(*|&&|\|\||[=!<>]=|[<>?])\s*!*\s*\(?\s*!*\s*`;

/** Comes after one. */
const ASKED = String.raw`\s*(?=\)(?!\s*(?:->|\.|\[))|;|\?|&&|\|\||[=!<>]=|[<>](?!<|>))`;

/**
 * Positions of parameters that the body does not mention, or only to ask whether there is an object and what one of
 * its members is: what such a parameter leads to is the same after a call. `nameAt` is where the function's name stands,
 * `bodyAt` where its body starts.
 */
export function sparedParameters(code: string, nameAt: number, bodyAt: number): ReadonlySet<number> {
  const spared = new Set<number>();
  const body = code.slice(bodyAt);
  parameterNames(code.slice(nameAt, bodyAt)).forEach((name, position) => {
    if (name !== undefined && spares(body, name)) spared.add(position);
  });
  return spared;
}

function spares(body: string, name: string): boolean {
  const mention = new RegExp(String.raw`(?<!\w|->|\.)${name}\b`);
  if (!mention.test(body)) return true;
  const question = new RegExp(String.raw`${ASKS}${name}\b(?:\s*->\s*\w+)*${ASKED}`, 'g');
  return !mention.test(body.replace(question, ' '));
}

/** The parameters' names, in order; undefined for one that is no plain name. `head` starts with the function's name. */
function parameterNames(head: string): (string | undefined)[] {
  const list = /^\w+\s*\(([^()]*)\)/.exec(head)?.[1];
  return list?.split(',').map((parameter) => /\b([A-Za-z_]\w*)\s*$/.exec(parameter)?.[1]) ?? [];
}
