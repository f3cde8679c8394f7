/** Loops that release one page of an array after another, and what one call for the whole array takes their place. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { Range } from '../../syntax/range.ts';
import { callAt } from './call.ts';
import type { FunctionTree } from './statements.ts';

/** A loop over the entries of an array, with the statements that a release for the whole array replaces. */
export interface ReleaseLoop {
  /** The loop statement. */
  readonly node: number;
  /** The array's entries from the first on: `pages`, `&pages[k]`. */
  readonly array: string;
  /** Number of entries, as an expression. */
  readonly count: string;
  /** The count may be negative, in which case the loop does nothing. */
  readonly mayBeNegative: boolean;
  /** What the loop does to mark a page dirty: never, always, or under a condition that is the same for all pages. */
  readonly dirty: 'no' | 'yes' | { readonly when: string };
  /** Statements of the loop that are replaced. */
  readonly replaced: readonly number[];
  /** Others, which stay in the loop; empty where it does nothing else. */
  readonly kept: readonly number[];
}

const RELEASE = /^(?:put_page|unpin_user_page|put_user_page|folio_put)$/;
const DIRTY = /^(?:set_page_dirty(?:_lock)?|SetPageDirty)$/;

/**
 * The loop around a release call, read as a loop over an array. Undefined where it is none, where an index or a count
 * is not plain, or where something in it depends on the release being made one by one. With `dirtyAll` every page is
 * going to be marked dirty, whatever the loop asks before it does so.
 */
export function releaseLoop(ft: FunctionTree, call: Range, dirtyAll = false): ReleaseLoop | undefined {
  const statement = ft.statementAt(call);
  if (statement < 0 || ft.kind(statement) !== Kind.expression_statement) return undefined;
  const node = ft.holder(statement);
  const head = node < 0 ? undefined : (countedLoop(ft, node) ?? countdown(ft, node));
  if (head === undefined || !ft.isSound(node)) return undefined;
  const body = ft.field(node, Field.body);
  if (ft.jumps(body)) return undefined;
  const statements = ft.run(body);
  const page = new PageName(head.index);
  let dirty: ReleaseLoop['dirty'] = 'no';
  const replaced: number[] = [];
  const kept: number[] = [];
  let released = false;
  for (const each of statements) {
    const alias = aliasOf(ft, each, head.index);
    if (alias !== undefined) {
      page.alias(alias.name, alias.array);
      replaced.push(each);
      continue;
    }
    const one = callStatement(ft, each);
    if (one !== undefined && RELEASE.test(one.name) && page.is(one.arg)) {
      released = true;
      replaced.push(each);
      continue;
    }
    const mark = dirtying(ft, each);
    if (mark !== undefined && page.is(mark.arg) && !released) {
      // A condition that is asked anew for each page says something about the page.
      const asks = mark.when === undefined || isInvariant(mark.when, head.index, page);
      if (!asks && !(dirtyAll && isReservedTest(mark.when!))) return undefined;
      dirty = mark.when === undefined ? 'yes' : { when: mark.when };
      replaced.push(each);
      continue;
    }
    kept.push(each);
  }
  if (!released || page.array === undefined) return undefined;
  // What stays must not need the page after its release, nor the alias that goes.
  const last = replaced.at(-1)!;
  if (kept.some((each) => each > last)) return undefined;
  if (kept.some((each) => page.mentions(ft.code(each))))
    replaced.splice(
      0,
      replaced.length,
      ...replaced.filter((each) => aliasOf(ft, each, head.index) === undefined),
    );
  const array = head.from === '0' ? page.array : `&${page.array}[${head.from}]`;
  const count = head.from === '0' ? head.to : `${head.to} - ${head.from}`;
  return { node, array, count, mayBeNegative: !/^\d+$/.test(head.to), dirty, replaced, kept };
}

/**
 * A loop in front of a statement that marks every page of the array dirty, and does nothing else; with its condition, or
 * inside an `if` with it.
 */
export function dirtyLoopBefore(
  ft: FunctionTree,
  statement: number,
  array: string,
  count: string,
): { readonly node: number; readonly when?: string } | undefined {
  const block = ft.parent(statement);
  if (ft.kind(block) !== Kind.compound_statement) return undefined;
  const siblings = ft.children(block);
  const before = siblings[siblings.indexOf(statement) - 1];
  if (before === undefined || !ft.isSound(before)) return undefined;
  const isIf = ft.kind(before) === Kind.if_statement && ft.field(before, Field.alternative) < 0;
  const inner = isIf ? ft.run(ft.field(before, Field.consequence)) : [before];
  const loop = inner.length === 1 ? inner[0]! : -1;
  const head = loop < 0 ? undefined : countedLoop(ft, loop);
  if (head === undefined || head.from !== '0' || head.to !== count) return undefined;
  const body = ft.run(ft.field(loop, Field.body));
  const mark = body.length === 1 ? dirtying(ft, body[0]!) : undefined;
  const page = new PageName(head.index);
  if (mark === undefined || !page.is(mark.arg) || page.array !== array) return undefined;
  const outer = isIf ? conditionOf(ft, before) : undefined;
  if (mark.when !== undefined && outer !== undefined) return undefined;
  const when = mark.when ?? outer;
  if (when !== undefined && !isInvariant(when, head.index, page)) return undefined;
  return { node: before, ...(when !== undefined && { when }) };
}

function conditionOf(ft: FunctionTree, node: number): string {
  const condition = ft.code(ft.field(node, Field.condition)).trim();
  return condition.replace(/^\(([\s\S]*)\)$/, '$1').trim();
}

interface Head {
  readonly index: string;
  readonly from: string;
  readonly to: string;
}

/** `for (i = 0; i < n; i++)` and `for (i = n - 1; i >= 0; i--)`, where nobody reads `i` behind the loop. */
function countedLoop(ft: FunctionTree, node: number): Head | undefined {
  if (ft.kind(node) !== Kind.for_statement) return undefined;
  const body = ft.field(node, Field.body);
  const text = ft.file.code.slice(ft.tree.start[node]!, ft.tree.start[body]!).replace(/\s+/g, ' ').trim();
  const up =
    /^for \( ?(?:int |unsigned int |unsigned long |size_t |u32 )?(\w+) = (\w+) ?; ?(\w+) (<|!=) ([\w.>-]+) ?; ?(?:(\w+)\+\+|\+\+(\w+)) ?\)$/.exec(
      text,
    );
  if (up !== null && up[1] === up[3] && (up[6] ?? up[7]) === up[1] && isFree(ft, node, up[1]!))
    return { index: up[1]!, from: up[2]!, to: up[5]! };
  const down = /^for \( ?(?:int )?(\w+) = ([\w.>-]+) - 1 ?; ?(\w+) >= 0 ?; ?(?:(\w+)--|--(\w+)) ?\)$/.exec(
    text,
  );
  if (down !== null && down[1] === down[3] && (down[4] ?? down[5]) === down[1] && isFree(ft, node, down[1]!))
    return { index: down[1]!, from: '0', to: down[2]! };
  return undefined;
}

/** `while (i--)`, `while (--i >= 0)` and `while (i-- > 0)` over `pages[i]`, where nobody reads `i` behind the loop. */
function countdown(ft: FunctionTree, node: number): Head | undefined {
  if (ft.kind(node) !== Kind.while_statement) return undefined;
  const body = ft.field(node, Field.body);
  const text = ft.file.code.slice(ft.tree.start[node]!, ft.tree.start[body]!).replace(/\s+/g, '');
  const match = /^while\((?:(\w+)--(?:>0)?|--(\w+)>=0)\)$/.exec(text);
  const index = match?.[1] ?? match?.[2];
  return index !== undefined && isFree(ft, node, index) ? { index, from: '0', to: index } : undefined;
}

/** Whether no use of a variable behind a loop, or around it, reads what the loop left in it. */
function isFree(ft: FunctionTree, loop: number, name: string): boolean {
  for (let up = ft.parent(loop); up > ft.body; up = ft.parent(up)) {
    const kind = ft.kind(up);
    const repeats =
      kind === Kind.for_statement || kind === Kind.while_statement || kind === Kind.do_statement;
    if (repeats && !isSetInside(ft, up, loop, name)) return false;
  }
  return ft
    .uses(name)
    .filter((use) => ft.tree.start[use]! >= ft.tree.end[loop]!)
    .every((use) => isSetBefore(ft, use, name));
}

/** In a loop around, the inner loop's own head sets the variable anew. */
function isSetInside(ft: FunctionTree, _outer: number, loop: number, name: string): boolean {
  const head = ft.file.code.slice(ft.tree.start[loop]!, ft.tree.end[loop]!);
  return new RegExp(`^for\\s*\\(\\s*(?:\\w+\\s+)*${name}\\s*=[^=]`).test(head);
}

/** A use inside a `for` whose head sets the variable, or a plain assignment to it. */
function isSetBefore(ft: FunctionTree, use: number, name: string): boolean {
  for (let up = ft.parent(use); up > ft.body; up = ft.parent(up)) {
    if (ft.kind(up) === Kind.for_statement && isSetInside(ft, up, up, name)) return true;
  }
  const parent = ft.parent(use);
  return (
    ft.kind(parent) === Kind.assignment_expression &&
    ft.field(parent, Field.left) === use &&
    ft.code(parent).replace(/\s/g, '').startsWith(`${name}=`)
  );
}

/** The page of a round: `pages[i]`, `*(pages + i)`, or a local that holds it. */
class PageName {
  array: string | undefined;
  readonly #index: string;
  #alias: string | undefined;

  constructor(index: string) {
    this.#index = index;
  }

  alias(name: string, array: string): void {
    this.#alias = name;
    this.array ??= array;
  }

  is(arg: string): boolean {
    if (this.#alias !== undefined && arg === this.#alias) return true;
    const entry = /^([A-Za-z_][\w.>-]*)\[\s*(\w+)\s*\]$/.exec(arg);
    if (entry === null || entry[2] !== this.#index) return false;
    if (this.array !== undefined && this.array !== entry[1]) return false;
    this.array = entry[1];
    return true;
  }

  mentions(code: string): boolean {
    return this.#alias !== undefined && new RegExp(`\\b${this.#alias}\\b`).test(code);
  }
}

/** `page = pages[i];` or `struct page *page = pages[i];` */
function aliasOf(
  ft: FunctionTree,
  statement: number,
  index: string,
): { name: string; array: string } | undefined {
  const match = /^(?:struct\s+page\s*\*\s*)?(\w+)\s*=\s*([A-Za-z_][\w.>-]*)\[\s*(\w+)\s*\]\s*;$/.exec(
    ft.code(statement).trim(),
  );
  return match !== null && match[3] === index ? { name: match[1]!, array: match[2]! } : undefined;
}

/** A statement that is one call of one argument. */
export function callStatement(
  ft: FunctionTree,
  statement: number,
): { readonly name: string; readonly arg: string; readonly range: Range } | undefined {
  if (ft.kind(statement) !== Kind.expression_statement) return undefined;
  const { start, end } = ft.rangeOf(statement);
  const call = callAt(ft.file, start);
  if (call === undefined || call.args.length !== 1) return undefined;
  if (ft.file.code.slice(call.range.end, end).trim() !== ';') return undefined;
  const arg = ft.file.code.slice(call.args[0]!.start, call.args[0]!.end);
  return { name: call.name, arg, range: call.range };
}

/** `set_page_dirty_lock(page);`, alone or as all that an `if` does. */
export function dirtying(
  ft: FunctionTree,
  statement: number,
): { readonly arg: string; readonly when?: string } | undefined {
  const plain = callStatement(ft, statement);
  if (plain !== undefined) return DIRTY.test(plain.name) ? { arg: plain.arg } : undefined;
  if (ft.kind(statement) !== Kind.if_statement || ft.field(statement, Field.alternative) >= 0)
    return undefined;
  const inner = ft.run(ft.field(statement, Field.consequence));
  const call = inner.length === 1 ? callStatement(ft, inner[0]!) : undefined;
  if (call === undefined || !DIRTY.test(call.name)) return undefined;
  return { arg: call.arg, when: conditionOf(ft, statement) };
}

/** The page is no longer marked where it is reserved, which user memory never is. */
function isReservedTest(condition: string): boolean {
  return /^!\s*PageReserved\s*\(\s*[\w.>[\]-]+\s*\)$/.test(condition);
}

/** A condition without calls that speaks of neither the index nor the page. */
function isInvariant(condition: string, index: string, page: PageName): boolean {
  if (/\(/.test(condition.replace(/^\(|\)$/g, ''))) return false;
  return (
    !new RegExp(`\\b${index}\\b`).test(condition) &&
    !page.mentions(condition) &&
    !/\+\+|--|=[^=]/.test(condition.replace(/[!=<>]=/g, ''))
  );
}
