/** Whether code is for other releases of the kernel, as far as its text tells: by what it calls, and with how many arguments. */
import type { Fit } from '../../syntax/preprocess/conditionals.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import { FUNCTION_LIVES } from './history.ts';
import { isSince, presenceOf } from './presence.ts';

const CALL =
  /\b([a-z_]\w*_(?:pages?|pages2|folios?|alloc2?|pin|only|lock|dirty|fast|remote|unlocked|locked|longterm))\s*\(/g;
const ALIAS = /#[ \t]*define[ \t]+\w+[ \t]+(\w+)[ \t]*(?:\/[/*].*)?$/gm;

const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;
const INNER_GROUP = /^[ \t]*#[ \t]*if[\s\S]*?^[ \t]*#[ \t]*endif\b.*$/m;
const INNER_GROUPS = new RegExp(INNER_GROUP, 'gm');

/**
 * What the calls in `code` of functions around page pinning tell: `outdated` where `kernel` has none of them, since they
 * are gone, not yet there, or take another number of arguments; `fits` where it has one; `alias` where `code` only gives
 * another name to a function whose arguments have changed. Undefined where there is nothing of the kind.
 */
export function fitOf(code: string, kernel: KernelVersion): Fit | undefined {
  if (!/_page|_folio|mmap_sem/.test(code)) return undefined;
  let outdated = false;
  // Arguments of other releases may stand in an `#if` of their own: with them, and without.
  const bare = code.replace(COMMENTS, '');
  const texts = INNER_GROUP.test(bare) ? [bare, bare.replace(INNER_GROUPS, '')] : [bare];
  for (const text of texts) {
    for (const match of text.matchAll(CALL)) {
      const fits = fitsIn(match[1]!, argumentsAt(text, match.index + match[0].length), kernel);
      if (fits === true) return 'fits';
      if (fits === false) outdated = true;
    }
  }
  for (const [, name = ''] of code.matchAll(ALIAS)) {
    const life = FUNCTION_LIVES.get(name);
    if (life === undefined) continue;
    if (presenceOf(life, kernel) !== 'present') outdated = true;
    else return life.forms === undefined ? 'fits' : 'alias';
  }
  if (outdated) return 'outdated';
  return /\bmmap_sem\b/.test(code) && isSince(kernel, '5.8') && !/\bmmap_lock\b/.test(code)
    ? 'outdated'
    : undefined;
}

/** Undefined where the number of arguments is no form of any release: a declaration, or a comment. */
function fitsIn(name: string, argc: number, kernel: KernelVersion): boolean | undefined {
  const life = FUNCTION_LIVES.get(name);
  if (life === undefined || argc === 0) return undefined;
  const presence = presenceOf(life, kernel);
  if (presence === 'unsure') return undefined;
  if (presence !== 'present') return false;
  if (life.forms === undefined) return true;
  const forms = life.forms.filter((form) => form.argc === argc);
  return forms.length === 0 ? undefined : forms.some((form) => presenceOf(form, kernel) === 'present');
}

/** The number of arguments of a call whose opening bracket ends at `at`; 0 where it has none, or no end. */
function argumentsAt(code: string, at: number): number {
  let depth = 1;
  let commas = 0;
  let solid = false;
  for (let i = at; i < code.length; i++) {
    const c = code[i]!;
    if (c === '(' || c === '[' || c === '{') depth++;
    else if ((c === ')' || c === ']' || c === '}') && --depth === 0) return solid ? commas + 1 : 0;
    else if (c === ',' && depth === 1) commas++;
    if (!/\s/.test(c)) solid = true;
  }
  return 0;
}
