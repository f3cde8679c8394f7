/** Release calls put right for the kind of reference. */
import { compareKernelVersions } from '../syntax/preprocess/version.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';
import { type CallText, callAt, callsOf, renamed, textOf } from './call.ts';
import type { Edit, FixSource } from './fix.ts';

/** Releases that belong to get_user_pages*(). */
export const PUTS: ReadonlySet<string> = new Set(['put_page', 'folio_put', 'release_pages', '__free_page']);

export interface UnpinOptions {
  /** The pages were written and nothing has marked them dirty. */
  readonly dirty?: boolean;
  /** They are folios of memfd_pin_folios(). */
  readonly folios?: boolean;
}

/** A release of got pages as the release of pinned ones. Undefined where it cannot be rewritten. */
export function toUnpin(
  call: CallText,
  { file, kernel }: FixSource,
  { dirty = false, folios = false }: UnpinOptions = {},
): Edit | undefined {
  const [first, second] = call.args.map((arg) => textOf(file, arg));
  if (first === undefined) return undefined;
  switch (call.name) {
    case 'put_page':
    case '__free_page': {
      const address = addressOf(first);
      const before = call.name === 'put_page' ? dirtiedBefore(file, call) : undefined;
      if (address !== undefined && (before !== undefined || dirty)) {
        const start = before ?? call.range.start;
        return {
          range: { start, end: call.range.end },
          newText: `unpin_user_pages_dirty_lock(${address}, 1, true)`,
        };
      }
      return renamed(call, 'unpin_user_page');
    }
    case 'release_pages':
      if (second === undefined) return undefined;
      return dirty
        ? { range: call.range, newText: `unpin_user_pages_dirty_lock(${first}, ${second}, true)` }
        : renamed(call, 'unpin_user_pages');
    case 'folio_put':
      if (folios) return renamed(call, 'unpin_folio');
      // The first release that has unpin_user_folio().
      if (compareKernelVersions(kernel, { major: 6, minor: 12, patch: 0 }) < 0) return undefined;
      return { range: call.range, newText: `unpin_user_folio(${first}, 1)` };
    default:
      return undefined;
  }
}

/** A release of pinned pages as the release of got ones. Undefined where it does more than release. */
export function toPut(call: CallText, file: SourceFile): Edit | undefined {
  const [first, second, third] = call.args.map((arg) => textOf(file, arg));
  if (first === undefined) return undefined;
  switch (call.name) {
    case 'unpin_user_page':
    case '__free_page':
      return renamed(call, 'put_page');
    case 'unpin_user_pages':
      return renamed(call, 'release_pages');
    case 'unpin_user_pages_dirty_lock':
      return third === 'false'
        ? { range: call.range, newText: `release_pages(${first}, ${second})` }
        : undefined;
    case 'unpin_folio':
      return renamed(call, 'folio_put');
    case 'unpin_user_folio':
      return second === '1' ? { range: call.range, newText: `folio_put(${first})` } : undefined;
    default:
      return undefined;
  }
}

/**
 * Releases, by name, of what an acquiring call fills: in the same function where that is a local, anywhere in the file
 * where it is a field.
 */
export function releasesByName(file: SourceFile, acquire: CallText): CallText[] {
  const destination = destinationOf(file, acquire);
  if (destination === undefined) return [];
  const fn = file.functions[file.functionAt(acquire.range.start)];
  const within = destination.field ? { start: 0, end: file.code.length } : fn;
  if (within === undefined) return [];
  const mention = destination.field
    ? new RegExp(`(?:->|\\.)\\s*${destination.name}\\b`)
    : new RegExp(`(?<![\\w.]|->)\\s*${destination.name}\\b`);
  return callsOf(file, PUTS, within).filter(({ args }) =>
    args[0] === undefined ? false : mention.test(file.code.slice(args[0].start, args[0].end)),
  );
}

/** The variable or field behind the `pages` argument: the last argument that names one and is no constant. */
function destinationOf(file: SourceFile, call: CallText): { name: string; field: boolean } | undefined {
  const index = call.name.endsWith('_unlocked') ? 2 : call.name.endsWith('_remote') ? 4 : 3;
  const arg = call.args[index];
  if (arg === undefined) return undefined;
  const match = /^&?\s*((?:\w+\s*(?:->|\.)\s*)*)([A-Za-z_]\w*)/.exec(file.code.slice(arg.start, arg.end));
  if (match === null || match[2] === 'NULL') return undefined;
  return { name: match[2]!, field: match[1] !== '' };
}

/** The release call that starts at a place. */
export function releaseAt(file: SourceFile, range: Range): CallText | undefined {
  return callAt(file, range.start);
}

/** `&page` of `page`; undefined for what is no place in memory. */
function addressOf(text: string): string | undefined {
  const place = /^[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\s*\[[^[\]]*\])*$/;
  if (place.test(text)) return `&${text}`;
  const pointer = /^\*\s*([A-Za-z_]\w*)$/.exec(text);
  return pointer?.[1];
}

/** Start of a `set_page_dirty_lock(page);` for the same page directly in front of a release, run whenever that is. */
function dirtiedBefore(file: SourceFile, release: CallText): number | undefined {
  const { code } = file;
  const statement = /(set_page_dirty_lock\s*\(([^;]*)\))\s*;\s*$/.exec(
    code.slice(Math.max(0, release.range.start - 300), release.range.start),
  );
  if (statement === null) return undefined;
  const start = release.range.start - statement[0].length;
  const page = release.args[0]!;
  if (squeezed(statement[2]!) !== squeezed(code.slice(page.start, page.end))) return undefined;
  // A comment between the two would be lost.
  if (textOf(file, { start, end: release.range.start }) !== statement[0]) return undefined;
  const before = code.slice(0, start).trimEnd().at(-1);
  return before === ';' || before === '{' || before === '}' ? start : undefined;
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '');
}
