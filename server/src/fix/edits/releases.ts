/** Release calls put right for the kind of reference. */
import { Kind } from '../../syntax/kinds.ts';
import { compareKernelVersions } from '../../syntax/preprocess/version.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Edit, FixSource } from '../fix.ts';
import { type CallText, textOf } from './call.ts';
import { columnAfter, deeper, indentAt, laidOut, lineEnd, lineStart, newline } from './layout.ts';
import { dirtying, dirtyLoopBefore, type ReleaseLoop, releaseLoop } from './loops.ts';
import { changedCall } from './rewrite-call.ts';
import { functionTree } from './statements.ts';

/** Releases that belong to get_user_pages*(). */
export const PUTS: ReadonlySet<string> = new Set(['put_page', 'folio_put', 'release_pages', '__free_page']);

/** What to do with a loop that releases page by page: leave it, or fold it into one call, perhaps under `if (n > 0)`. */
export type Folding = 'none' | 'plain' | 'guarded';

export interface UnpinOptions {
  /** The pages were written and nothing has marked them dirty. */
  readonly dirty?: boolean;
  /** They are folios of memfd_pin_folios(). */
  readonly folios?: boolean;
  readonly folding?: Folding;
}

/** A release of got pages as the release of pinned ones. Undefined where it cannot be rewritten. */
export function toUnpin(
  call: CallText,
  source: FixSource,
  { dirty = false, folios = false, folding = 'none' }: UnpinOptions = {},
): Edit[] | undefined {
  const { file, kernel } = source;
  const [first, second] = call.args.map((arg) => textOf(file, arg));
  if (first === undefined) return undefined;
  switch (call.name) {
    case 'put_page':
    case 'unpin_user_page':
    case '__free_page':
      return (
        (folding === 'none' ? undefined : folded(call, source, dirty, folding)) ??
        onePage(call, source, first, dirty)
      );
    case 'release_pages':
    case 'unpin_user_pages':
      if (second === undefined) return undefined;
      if (folding !== 'none') {
        const marked = dirtiedInLoop(call, source, first, second, dirty);
        if (marked !== undefined) return marked;
      }
      return dirty
        ? [replaced(file, call, 'unpin_user_pages_dirty_lock', [first, second, 'true'])]
        : changedCall(file, call, { name: 'unpin_user_pages' });
    case 'folio_put':
      if (folios) return changedCall(file, call, { name: 'unpin_folio' });
      // The first release that has unpin_user_folio().
      if (compareKernelVersions(kernel, { major: 6, minor: 12, patch: 0 }) < 0) return undefined;
      return [replaced(file, call, 'unpin_user_folio', [first, '1'])];
    default:
      return undefined;
  }
}

function onePage(call: CallText, source: FixSource, page: string, dirty: boolean): Edit[] {
  const { file } = source;
  const address = addressOf(page);
  const before = call.name === '__free_page' ? undefined : dirtiedBefore(source, call, dirty);
  if (address === undefined || (before === undefined && !dirty))
    return changedCall(file, call, { name: 'unpin_user_page' });
  const make = dirty ? 'true' : (before?.when ?? 'true');
  const edit = replaced(file, call, 'unpin_user_pages_dirty_lock', [address, '1', make]);
  return [before === undefined ? edit : { ...edit, range: { start: before.start, end: call.range.end } }];
}

/** The call with another name and other arguments, on as many lines as it needs. */
function replaced(file: SourceFile, call: CallText, name: string, args: readonly string[]): Edit {
  const { text } = file;
  const at = {
    column: columnAfter(text.slice(lineStart(text, call.range.start), call.range.start)),
    indent: indentAt(text, call.range.start),
  };
  return { range: call.range, newText: laidOut(file, at, name, args) };
}

/** One call for the whole array in the place of a loop; what else the loop does stays in it. */
function folded(
  call: CallText,
  source: FixSource,
  dirty: boolean,
  folding: 'plain' | 'guarded',
): Edit[] | undefined {
  const ft = functionTree(source, call.range.start);
  const loop = ft && releaseLoop(ft, call.range, dirty);
  if (ft === undefined || loop === undefined) return undefined;
  const { text } = source.file;
  const { start, end } = ft.rangeOf(loop.node);
  const indent = indentAt(text, start);
  if (text.slice(lineStart(text, start), start) !== indent) return undefined;
  const marking = loop.dirty === 'no' ? dirtyLoopBefore(ft, loop.node, loop.array, loop.count) : undefined;
  const marked = marking === undefined ? loop : { ...loop, dirty: whenOf(marking) };
  const lines = wholeArray(source.file, marked, indent, dirty, folding === 'guarded' && loop.mayBeNegative);
  if (loop.kept.length === 0) {
    const from = marking === undefined ? start : ft.rangeOf(marking.node).start;
    const said = commentsIn(source.file, { start: from, end }).map(
      (comment) => comment + newline(source.file) + indent,
    );
    return [{ range: { start: from, end }, newText: said.join('') + lines }];
  }
  const removed = loop.replaced.map((each): Edit => {
    const range = ft.rangeOf(each);
    return {
      range: { start: lineStart(text, range.start), end: lineEnd(text, range.end) },
      newText: '',
    };
  });
  if (text.slice(end, lineEnd(text, end)).trim() !== '') return undefined;
  const behind = lineEnd(text, end);
  const newText = indent + lines + newline(source.file);
  return [...removed, { range: { start: behind, end: behind }, newText }];
}

/** Comments inside a range, in their order. */
function commentsIn({ text, code }: SourceFile, { start, end }: Range): string[] {
  const comment = /\/\*[\s\S]*?\*\/|\/\/[^\r\n]*/g;
  return [...text.slice(start, end).matchAll(comment)]
    .filter(({ index }) => code[start + index] === ' ')
    .map(([match]) => match);
}

function whenOf({ when }: { readonly when?: string }): ReleaseLoop['dirty'] {
  return when === undefined ? 'yes' : { when };
}

/** `for (…) set_page_dirty_lock(pages[i]); release_pages(pages, n);` as one call. */
function dirtiedInLoop(
  call: CallText,
  source: FixSource,
  array: string,
  count: string,
  dirty: boolean,
): Edit[] | undefined {
  const { file } = source;
  const ft = functionTree(source, call.range.start);
  const statement = ft?.statementAt(call.range) ?? -1;
  if (ft === undefined || statement < 0 || ft.kind(statement) !== Kind.expression_statement) return undefined;
  const marking = dirtyLoopBefore(ft, statement, array, count);
  if (marking === undefined) return undefined;
  const make = dirty ? 'true' : (marking.when ?? 'true');
  const edit = replaced(file, call, 'unpin_user_pages_dirty_lock', [array, count, make]);
  return [{ ...edit, range: { start: ft.rangeOf(marking.node).start, end: call.range.end } }];
}

/** The statement, without the indentation of its first line. */
function wholeArray(
  file: SourceFile,
  loop: ReleaseLoop,
  indent: string,
  dirty: boolean,
  guarded: boolean,
): string {
  const inner = guarded ? deeper(indent) : indent;
  const make = dirty || loop.dirty === 'yes' ? 'true' : loop.dirty === 'no' ? undefined : loop.dirty.when;
  const name = make === undefined ? 'unpin_user_pages' : 'unpin_user_pages_dirty_lock';
  const args = [loop.array, loop.count, ...(make === undefined ? [] : [make])];
  const call = `${laidOut(file, { column: columnAfter(inner), indent: inner }, name, args)};`;
  return guarded ? `if (${loop.count} > 0)${newline(file)}${inner}${call}` : call;
}

/** A release of pinned pages as the release of got ones. Undefined where it does more than release. */
export function toPut(call: CallText, file: SourceFile): Edit[] | undefined {
  const [first, second, third] = call.args.map((arg) => textOf(file, arg));
  if (first === undefined) return undefined;
  switch (call.name) {
    case 'unpin_user_page':
    case '__free_page':
      return changedCall(file, call, { name: 'put_page' });
    case 'unpin_user_pages':
      return changedCall(file, call, { name: 'release_pages' });
    case 'unpin_user_pages_dirty_lock':
      return third === 'false' ? [replaced(file, call, 'release_pages', [first, second!])] : undefined;
    case 'unpin_folio':
      return changedCall(file, call, { name: 'folio_put' });
    case 'unpin_user_folio':
      return second === '1' ? [replaced(file, call, 'folio_put', [first])] : undefined;
    default:
      return undefined;
  }
}

/** `&page` of `page`; undefined for what is no place in memory. */
export function addressOf(text: string): string | undefined {
  const place = /^[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\s*\[[^[\]]*\])*$/;
  if (place.test(text)) return `&${text}`;
  const pointer = /^\*\s*([A-Za-z_]\w*)$/.exec(text);
  return pointer?.[1];
}

/**
 * The statement in front of a release that marks the same page dirty, in the same block, and its condition; with
 * `anyhow`, whatever that is.
 */
function dirtiedBefore(
  source: FixSource,
  release: CallText,
  anyhow: boolean,
): { readonly start: number; readonly when?: string } | undefined {
  const { file } = source;
  const ft = functionTree(source, release.range.start);
  const statement = ft?.statementAt(release.range) ?? -1;
  if (ft === undefined || statement < 0) return undefined;
  const block = ft.parent(statement);
  if (ft.kind(block) !== Kind.compound_statement) return undefined;
  const siblings = ft.children(block);
  const before = siblings[siblings.indexOf(statement) - 1];
  const mark = before === undefined ? undefined : dirtying(ft, before);
  if (before === undefined || mark === undefined) return undefined;
  // A plain variable can be handed over as make_dirty.
  if (mark.when !== undefined && !anyhow && !/^\w+(?:(?:->|\.)\w+)*$/.test(mark.when)) return undefined;
  const page = release.args[0]!;
  if (squeezed(mark.arg) !== squeezed(file.code.slice(page.start, page.end))) return undefined;
  const { start } = ft.rangeOf(before);
  // A comment between the two would be lost.
  const between = file.text.slice(start, release.range.start);
  return between === file.code.slice(start, release.range.start)
    ? { start, ...(mark.when !== undefined && { when: mark.when }) }
    : undefined;
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '');
}
