/** Bodies of the structs that a text defines, by tag and by the names that a `typedef` gives them. */
import type { Header } from '../../syntax/preprocess/headers.ts';

const DEFINITION = /(\btypedef\s+)?\b(?:struct|union)\b(?:\s+([A-Za-z_]\w*))?\s*\{/g;
const ALIAS = /\btypedef\s+(?:struct|union)\s+([A-Za-z_]\w*)\s+([^;{}()]*);/g;

/** Bodies in a text in which `#if` lines are left as they are: all branches count. The first of a name is taken. */
export function structBodies(text: string): ReadonlyMap<string, string> {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|^[ \t]*#.*$/gm, '');
  const bodies = new Map<string, string>();
  const add = (name: string, body: string): void => {
    if (!bodies.has(name)) bodies.set(name, body);
  };
  for (const match of code.matchAll(DEFINITION)) {
    const [head, typedef, tag] = match;
    if (typedef === undefined && tag === undefined) continue;
    const start = match.index + head.length;
    const end = closing(code, start);
    const body = code.slice(start, end);
    if (tag !== undefined) add(tag, body);
    if (typedef === undefined) continue;
    for (const name of declarators(/^\}([^;{}()]*);/.exec(code.slice(end, end + 200))?.[1])) add(name, body);
  }
  for (const [, tag = '', names] of code.matchAll(ALIAS)) {
    const body = bodies.get(tag);
    if (body !== undefined) for (const name of declarators(names)) add(name, body);
  }
  return bodies;
}

/** `foo_t, *pfoo` declares foo_t and pfoo; what else stands there are attributes. */
function declarators(names = ''): string[] {
  return names.split(',').flatMap((name) => /([A-Za-z_]\w*)\s*$/.exec(name)?.[1] ?? []);
}

/** Offset of the brace that closes what is open at `from`; the end where there is none. */
export function closing(code: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; at < code.length; at++) {
    const char = code.charCodeAt(at);
    if (char === 123) depth++;
    else if (char === 125 && --depth === 0) break;
  }
  return at;
}

/** Most headers are never asked. */
const ofHeaders = new WeakMap<Header, ReadonlyMap<string, string>>();

/** Bodies of the structs that a header defines. */
export function headerBodies(header: Header): ReadonlyMap<string, string> {
  let bodies = ofHeaders.get(header);
  if (bodies === undefined) {
    bodies = structBodies(header.text);
    ofHeaders.set(header, bodies);
  }
  return bodies;
}
