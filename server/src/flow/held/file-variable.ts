/** Which variables only one file knows. */

/**
 * Whether a variable is static, or one of a module that is a single file: it names its licence, includes no header of its
 * own and exports nothing by that name. Drivers of one file leave `static` out.
 */
export function isFileVariable(
  { code, text }: { readonly code: string; readonly text: string },
  name: string,
): boolean {
  if (new RegExp(`^static\\b[^;{}()]*\\b${name}\\b`, 'm').test(code)) return true;
  if (!/^MODULE_LICENSE\b/m.test(text) || OWN_HEADER.test(text)) return false;
  if (new RegExp(`\\bEXPORT_SYMBOL\\w*\\s*\\(\\s*${name}\\b`).test(text)) return false;
  return new RegExp(
    `^(?!extern\\b|typedef\\b)[a-z][\\w \\t*]*\\b${name}\\s*(?:\\[[^\\]]*\\]\\s*)?[;=]`,
    'm',
  ).test(code);
}

/** An `#include "…"` that is not the kernel's. */
const OWN_HEADER = /^[ \t]*#[ \t]*include[ \t]*"(?!asm\/|linux\/|asm-generic\/|uapi\/)/m;
