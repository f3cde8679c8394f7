/**
 * Variables that clean up after themselves: `struct page *p __free(put_page) = …;` (include/linux/cleanup.h). What
 * happens at the end of their scope is lowered as if it were written there, guarded as DEFINE_FREE() says; the variable
 * is NULL before its declaration, after its cleanup, and once no_free_ptr() has taken it.
 */
import type { Range } from '../../syntax/range.ts';
import type { Call, Expr, Var } from './ir.ts';

/** A variable with a cleanup that may concern pages. */
export interface Cleanup {
  readonly name: string;
  /** Releases what the variable holds, and makes it NULL. Stands at the annotation. */
  readonly undo: readonly Expr[];
  /** Makes the variable NULL. */
  readonly empty: Expr;
}

/** `p __free(name)` and `p __cleanup(function)`. */
const ANNOTATED = /\b(\w+)\s+__(free|cleanup)\s*\(\s*(\w+)\s*\)/g;

/** Cleanups that free memory, or have nothing to do with any. */
const PLAIN =
  /^(k|v|kv|kmem_)?free(_sensitive|_page|_percpu)?$|^(bitmap|argv|fput|device_node|fwnode_handle|put_(device|cred|task|unused_fd|net_track))$/;

/** The cleanups of a function that stands at a range of the file's text. `calls` are those of the function so far. */
export function cleanupsOf(
  text: string,
  { start, end }: Range,
  definitions: Definitions | undefined,
  calls: Call[],
): Cleanup[] {
  const code = text.slice(start, end);
  if (!code.includes('__free') && !code.includes('__cleanup')) return [];
  return [...code.matchAll(ANNOTATED)].flatMap((match): Cleanup[] => {
    const [whole, name, kind, fn] = match;
    if (PLAIN.test(fn!)) return [];
    const last = start + match.index + whole.length;
    const at = { start: start + match.index + whole.search(/(?<=\s)__/), end: last };
    const variable: Var = { k: 'var', name: name!, local: true, ...at };
    // Without a name it is a callee that is not seen.
    const call = (callee: string | undefined, args: readonly Expr[]): Call => {
      const made: Call = { k: 'call', fn: callee, callee: undefined, args, site: calls.length, ...at };
      calls.push(made);
      return made;
    };
    const empty: Expr = { k: 'assign', op: '=', l: variable, r: { k: 'num', n: 0, ...at }, ...at };
    if (kind === 'cleanup') {
      const address: Expr = { k: 'addr', e: variable, ...at };
      return [{ name: name!, undo: [call(fn!, [address]), empty], empty }];
    }
    const defined = definitions?.get(fn!);
    const frees = defined === undefined || !isPlain(defined) ? [undefined] : callsOf(defined);
    const nothing: Expr = { k: 'num', n: 0, ...at };
    const c: Expr = defined?.includes('IS_ERR')
      ? { k: 'unary', op: '!', e: call('IS_ERR_OR_NULL', [variable]), ...at }
      : variable;
    const items = frees.map((free) => call(free, [variable]));
    const a: Expr = { k: 'seq', items, ...at };
    return [{ name: name!, undo: [{ k: 'cond', c, a, b: nothing, ...at }, empty], empty }];
  });
}

/** What each DEFINE_FREE(name, type, …) of a file does, by name. `code` is without comments. */
export function cleanupDefinitions(code: string): Definitions {
  if (!code.includes('DEFINE_FREE')) return NONE;
  const found = [...code.matchAll(/\bDEFINE_FREE\s*\(\s*(\w+)\s*,/g)];
  return new Map(found.map((match) => [match[1]!, argumentsFrom(code, match.index + match[0].length)]));
}

export type Definitions = ReadonlyMap<string, string>;
const NONE: Definitions = new Map();

/** The text up to the bracket that closes the one before `from`. */
function argumentsFrom(code: string, from: number): string {
  let depth = 1;
  for (let at = from; at < code.length; at++) {
    if (code[at] === '(') depth++;
    if (code[at] === ')' && --depth === 0) return code.slice(from, at);
  }
  return '';
}

/** Functions that are called at the end of a function's scopes. */
export function cleanupCallees(code: string, definitions: Definitions): string[] {
  if (!code.includes('__free') && !code.includes('__cleanup')) return [];
  return [...code.matchAll(ANNOTATED)].flatMap(([, , kind, fn]) =>
    kind === 'cleanup' ? [fn!] : callsOf(definitions.get(fn!) ?? ''),
  );
}

/** Gives the variable to functions, and does not look into it by itself. */
function isPlain(definition: string): boolean {
  return !/_T\s*(->|\.|\[)|&\s*_T\b/.test(definition) && callsOf(definition).length > 0;
}

/** Functions that are given the variable in the text of a DEFINE_FREE(), in order. */
function callsOf(definition: string): string[] {
  const called = [...definition.matchAll(/\b(\w+)\s*\(\s*(?:\([^()]*\)\s*)?_T\s*[,)]/g)].map((m) => m[1]!);
  return called.filter((fn) => !/^IS_ERR|^(if|while|likely|unlikely)$/.test(fn));
}

/** Macros that take a value out of the variable: the cleanup finds NULL then. */
const TAKES = /^(no_free_ptr|return_ptr)$/;

/**
 * `no_free_ptr(p)`, which is `p`, and `retain_and_null_ptr(p)`. Variables in `cleaned` have a cleanup; others are read.
 */
export function taken(
  fn: string | undefined,
  args: readonly Expr[],
  cleaned: ReadonlySet<string>,
  at: Range,
): Expr | undefined {
  const [first] = args;
  if (fn === undefined || first === undefined || args.length !== 1) return undefined;
  const keeps = fn === 'retain_and_null_ptr';
  if (!keeps && !TAKES.test(fn)) return undefined;
  const { start, end } = at;
  if (first.k !== 'var' || !first.local || !cleaned.has(first.name)) return first;
  const kept: Expr = { k: 'var', name: '#kept', local: true, start, end };
  const empty: Expr = { k: 'assign', op: '=', l: first, r: { k: 'num', n: 0, start, end }, start, end };
  if (keeps) return empty;
  const keep: Expr = { k: 'assign', op: '=', l: kept, r: first, start, end };
  return { k: 'seq', items: [keep, empty, kept], start, end };
}
