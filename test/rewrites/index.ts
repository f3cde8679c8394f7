/** Rewritings of C that change nothing of what it means: the answers must not change either. */
import { CALLS } from './calls.ts';
import { CONDITIONS } from './conditions.ts';
import { EXPRESSIONS } from './expressions.ts';
import { LOOPS } from './loops.ts';
import { NAMES } from './names.ts';
import type { Rewrite } from './rewriter.ts';

export const REWRITES: readonly Rewrite[] = [...NAMES, ...CONDITIONS, ...LOOPS, ...EXPRESSIONS, ...CALLS];
