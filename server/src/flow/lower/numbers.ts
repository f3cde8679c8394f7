/** Numbers that have names: object-like macros with a number for a body, and enumerators. */
import type { Header } from '../../syntax/preprocess/headers.ts';
import type { SourceFile } from '../../syntax/source.ts';

const ENUM = /\benum\b[^{};()]*\{([^{}]*)\}/g;

/** Enumerators of a text by name, as far as their values are written or counted. The first of a name is taken. */
function enumerators(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  if (!text.includes('enum')) return found;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|^[ \t]*#.*$/gm, '');
  for (const [, body = ''] of code.matchAll(ENUM)) {
    let next: number | undefined = 0;
    for (const item of body.split(',')) {
      const [, name, value] = /^\s*(\w+)\s*(?:=\s*([\s\S]*\S))?\s*$/.exec(item) ?? [];
      if (name === undefined) continue;
      const n: number | undefined = value === undefined ? next : (numberIn(value) ?? found.get(value));
      if (n !== undefined && !found.has(name)) found.set(name, n);
      next = n === undefined ? undefined : n + 1;
    }
  }
  return found;
}

/** The number that a text is: `3`, `(0x10u)`, `-1`, `1 << 2`, `BIT(2)`; undefined for any other. */
function numberIn(text: string): number | undefined {
  const inner = /^\(([^()]*|BIT\(\d+\))\)$/.exec(text.trim())?.[1] ?? text;
  const [, sign, digits] = /^\s*(-?)\s*(0[xX][\da-fA-F]+|\d+)[uUlL]*\s*$/.exec(inner) ?? [];
  // A leading zero makes it octal, which nobody means.
  if (digits !== undefined && !/^0\d/.test(digits)) return Number(digits) * (sign === '-' ? -1 : 1);
  const [, bit, shift] = /^\s*(?:BIT\((\d+)\)|1[uUlL]*\s*<<\s*(\d+))\s*$/.exec(inner) ?? [];
  const by = bit ?? shift;
  return by === undefined || Number(by) > 31 ? undefined : 2 ** Number(by);
}

/** Most headers are never asked. */
const ofHeaders = new WeakMap<Header, ReadonlyMap<string, number>>();

function ofHeader(header: Header): ReadonlyMap<string, number> {
  let known = ofHeaders.get(header);
  if (known === undefined) {
    known = enumerators(header.text);
    ofHeaders.set(header, known);
  }
  return known;
}

/** The number behind a name in a file: of a macro of the chosen configuration, else of an enumerator, there or in a header. */
export function namedNumbers({ code, macros, headers }: SourceFile): (name: string) => number | undefined {
  let own: ReadonlyMap<string, number> | undefined;
  return (name) => {
    const macro = macros.get(name);
    if (macro !== undefined) return macro.params === undefined ? numberIn(macro.body) : undefined;
    own ??= enumerators(code);
    const known = own.get(name);
    if (known !== undefined) return known;
    for (const header of headers) {
      const n = ofHeader(header).get(name);
      if (n !== undefined) return n;
    }
    return undefined;
  };
}
