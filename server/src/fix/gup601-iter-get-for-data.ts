import { isSince } from '../flow/kernel/presence.ts';
import type { Finding } from '../rules/finding.ts';
import { Field, Kind } from '../syntax/kinds.ts';
import { type CallText, callAt, callsOf, textOf } from './edits/call.ts';
import { isDirtied, isWritten } from './edits/dirty.ts';
import { iteratorOf, unpinIfPinned } from './edits/extracted.ts';
import { columnAfter, indentAt, laidOut, lineEnd, lineStart, newline } from './edits/layout.ts';
import { PUTS } from './edits/releases.ts';
import { type FunctionTree, functionTree } from './edits/statements.ts';
import { tidied } from './edits/tidy.ts';
import { type Attempts, attempt, type Edit, type FixSource } from './fix.ts';

/** The pages are extracted, which pins those of a user, and unpinned where that was so. */
export function fixIterGetForData(finding: Finding, source: FixSource): Attempts {
  const { file, kernel } = source;
  const call = callAt(file, finding.site.range.start);
  const ft = functionTree(source, finding.site.range.start);
  const iterator = call && iteratorOf(source, call);
  if (call === undefined || ft === undefined || iterator === undefined || call.args.length !== 5)
    return [{ refusal: 'only a call of iov_iter_get_pages2() with an array is rewritten' }];
  if (!isSince(kernel, '6.3')) return [{ refusal: 'there is no iov_iter_extract_pages() before 6.3' }];
  const list = listOf(ft, textOf(file, call.args[1]!));
  if (list === undefined) return [{ refusal: 'the array is no local whose declaration can be read' }];
  const releases = callsOf(file, PUTS, ft.rangeOf(ft.body)).filter(({ args }) =>
    new RegExp(`\\b${list.page}\\b`).test(args[0] === undefined ? '' : textOf(file, args[0])),
  );
  if (releases.length === 0) return [{ refusal: 'the pages are not released in this function' }];
  const dirty = isWritten(finding) && !isDirtied(finding, source);
  const edits = releases.map((release) => unpinIfPinned(release, source, iterator, dirty));
  const made = attempt('Use iov_iter_extract_pages(), and unpin what it pinned', 'unsafe', [
    ...list.edits,
    extracted(call, source, list.name),
    ...edits,
  ]);
  return ['edits' in made ? { ...made, edits: tidied(source, made.edits) } : made];
}

/** `iov_iter_extract_pages(iter, &pages, size, n, 0, &offset)`. */
function extracted(call: CallText, { file }: FixSource, name: string): Edit {
  const { text } = file;
  const [iterator, , size, count, offset] = call.args.map((arg) => textOf(file, arg));
  const at = {
    column: columnAfter(text.slice(lineStart(text, call.range.start), call.range.start)),
    indent: indentAt(text, call.range.start),
    tail: text.slice(call.range.end, lineEnd(text, call.range.end)).trimEnd(),
  };
  const args = [iterator!, `&${name}`, size!, count!, '0', offset!];
  return { range: call.range, newText: laidOut(file, at, 'iov_iter_extract_pages', args) };
}

/** A local of type `struct page **` that holds the array, and what has to be declared for it. */
function listOf(
  ft: FunctionTree,
  pages: string,
): { readonly name: string; readonly page: string; readonly edits: readonly Edit[] } | undefined {
  const page = /^&?\s*([A-Za-z_]\w*)$/.exec(pages)?.[1];
  if (page === undefined) return undefined;
  for (const declaration of ft.all(ft.body, (node) => ft.kind(node) === Kind.declaration)) {
    const code = ft.code(declaration).replace(/\s+/g, ' ');
    if (!/^struct page\b/.test(code) || !new RegExp(`\\b${page}\\b`).test(code)) continue;
    if (new RegExp(`\\*\\s*\\*\\s*${page}\\b`).test(code)) return { name: page, page, edits: [] };
    const name = ['pages', 'page_list'].find((each) => ft.uses(each).length === 0);
    if (name === undefined) return undefined;
    const isOne = pages.startsWith('&');
    const end = ft.rangeOf(declaration).end - 1;
    const first = ft.children(declaration).some((node) => ft.tree.field[node] === Field.declarator);
    if (isOne && first)
      return {
        name,
        page,
        edits: [{ range: { start: end, end }, newText: `, **${name} = &${page}` }],
      };
    const line = lineEnd(ft.file.text, end);
    const newText = `${indentAt(ft.file.text, end)}struct page **${name} = ${page};${newline(ft.file)}`;
    return { name, page, edits: [{ range: { start: line, end: line }, newText }] };
  }
  return undefined;
}
