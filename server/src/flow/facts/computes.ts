/** Functions of the file that only compute: from equal numbers they make equal numbers. */

/** Longer functions do more than that. */
const MAX_LENGTH = 800;

/** Arithmetic of the kernel, and macros that are constants or arithmetic by their spelling. */
const ARITHMETIC =
  /^(?:min|max|min_t|max_t|min3|max3|clamp\w*|abs|round_up|round_down|roundup|rounddown|roundup_pow_of_two|offset_in_page|ilog2|get_order|sizeof|likely|unlikely|[A-Z][A-Z0-9_]*)$/;

const KEYWORD = /^(?:if|else|for|while|do|switch|case|default|break|continue|return|const|true|false)$/;

const TYPE = '(?:const|unsigned|signed|long|short|int|char|bool|uint|ulong|[us](?:8|16|32|64)|\\w+_t)';
const IS_TYPE = new RegExp(`^${TYPE}$`);
const DECLARATION = new RegExp(`\\b${TYPE}\\s+((?!${TYPE}\\b)[^;{}()]*)`, 'g');

/** Memory is read or remembered: members, elements, addresses, strings, statics, assembler. */
const MEMORY = /->|[[".#]|\b(?:static|extern|asm|current|goto)\b|(?:[=(,;{}<>?:|+-]|\breturn)\s*[*&]\s*\w/;

/**
 * Whether a function reads and writes nothing but parameters and locals that are numbers: told by its text, in which
 * nothing but them, constants and arithmetic may stand. `bodyAt` is where its body starts.
 */
export function computes(code: string, bodyAt: number): boolean {
  if (code.length - bodyAt > MAX_LENGTH) return false;
  const body = code.slice(bodyAt);
  if (MEMORY.test(body)) return false;
  const open = code.indexOf('(');
  const known = new Set(code.slice(open, bodyAt).match(/\b[A-Za-z_]\w*\b/g) ?? []);
  for (const [, names = ''] of body.matchAll(DECLARATION))
    for (const name of names.match(/\b[A-Za-z_]\w*\b/g) ?? []) known.add(name);
  for (const [, word = '', call = ''] of body.matchAll(/\b([A-Za-z_]\w*)\b(\s*\()?/g)) {
    if (KEYWORD.test(word) || ARITHMETIC.test(word)) continue;
    if (call !== '' || !(known.has(word) || IS_TYPE.test(word))) return false;
  }
  return true;
}
