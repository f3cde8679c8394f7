/** Scopes of include/linux/cleanup.h's guards: a guard holds from where it stands to the end of its block. */
import type { Range } from '../../syntax/range.ts';
import { ATOMIC_GUARD } from '../kernel/contexts.ts';

export interface GuardScope extends Range {
  /** As written: `guard(spinlock)`. */
  readonly by: string;
  readonly holds: 'atomic' | 'mmap';
  readonly at: Range;
}

const GUARD = /\b(scoped_guard|guard)\s*\(\s*(\w+)\s*([,)])/g;

/** The scopes of a function's code, in which comments are blank; `from` is where it stands in the file. */
export function guardScopes(code: string, from: number): GuardScope[] {
  const scopes: GuardScope[] = [];
  for (const match of code.matchAll(GUARD)) {
    const [whole, word, kind, next] = match;
    const holds = ATOMIC_GUARD.test(kind!) ? 'atomic' : /^mmap_/.test(kind!) ? 'mmap' : undefined;
    if (holds === undefined) continue;
    const after = match.index + whole.length;
    const end = word === 'guard' ? blockEnd(code, after) : statementEnd(code, after, next === ',' ? 1 : 0);
    const at = { start: from + match.index, end: from + after };
    scopes.push({ by: `${word}(${kind})`, holds, at, start: from + after, end: from + end });
  }
  return scopes;
}

/** The end of the block that encloses `at`. */
function blockEnd(code: string, at: number): number {
  let depth = 0;
  for (let i = at; i < code.length; i++) {
    if (code[i] === '{') depth++;
    if (code[i] === '}' && depth-- === 0) return i;
  }
  return code.length;
}

/** The end of the statement behind `scoped_guard(…)`; `open` brackets of its argument list are open at `at`. */
function statementEnd(code: string, at: number, open: number): number {
  let depth = open;
  for (let i = at; i < code.length; i++) {
    const c = code[i];
    if (c === '(' || c === '{') depth++;
    if (c === ')') depth--;
    if (c === '}' && --depth <= 0) return i;
    if (c === ';' && depth <= 0) return i;
  }
  return code.length;
}
