/** Groups of C words, and places of tokens, that several concerns ask for. */
import type { Tokens } from './tokens.ts';

const PRIMITIVES = new Set(
  `void char short int long float double signed unsigned _Bool bool __int128 __int128_t __uint128_t size_t ssize_t
  ptrdiff_t intptr_t uintptr_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t charptr_t
  nullptr_t max_align_t __signed__ __signed`.split(/\s+/),
);

const QUALIFIERS = new Set(`const volatile restrict __const __volatile__ __restrict _Atomic`.split(' '));

const STORAGE = new Set(
  `static extern register typedef auto inline __inline __inline__ thread_local`.split(' '),
);

const TAGS = new Set(['struct', 'union', 'enum']);

const STATEMENT_WORDS = new Set(
  `if else while for do switch case default break continue return goto sizeof`.split(' '),
);

/** Words behind which a type or an expression starts, so that the next word is not an annotation. */
export function isDeclarationWord(word: string): boolean {
  return QUALIFIERS.has(word) || STORAGE.has(word) || TAGS.has(word) || STATEMENT_WORDS.has(word);
}

/** Words of a type that need no other word: `int`, `unsigned`, `size_t`. */
export function isPrimitive(word: string): boolean {
  return PRIMITIVES.has(word);
}

export function isQualifier(word: string): boolean {
  return QUALIFIERS.has(word);
}

/** `struct`, `union`, `enum`. */
export function isTag(word: string): boolean {
  return TAGS.has(word);
}

export function isStatementWord(word: string): boolean {
  return STATEMENT_WORDS.has(word);
}

const BEFORE_STATEMENT = new Set(['', '{', '}', ';', ':', ')', 'else', 'do']);

/** Whether a word at this place may start a statement: what is before it ends another, or governs this one. */
export function startsStatement(tokens: Tokens, at: number): boolean {
  return BEFORE_STATEMENT.has(tokens.text(tokens.previous(at)));
}
