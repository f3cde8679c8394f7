import type { Finding } from '../rules/finding.ts';
import { Kind } from '../syntax/kinds.ts';
import { removed } from './edits/insert.ts';
import { lineEnd, lineStart } from './edits/layout.ts';
import { type FunctionTree, functionTree } from './edits/statements.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** The release moves behind the last access, where nothing between the two may leave the block. */
export function fixUseAfterRelease(finding: Finding, source: FixSource): Attempts {
  const at = finding.related.find(({ message }) => message === 'released here')?.range;
  const ft = functionTree(source, finding.range.start);
  if (at === undefined || ft === undefined) return [{ refusal: 'the release is not in this function' }];
  const release = ft.statementAt(at);
  const block = release < 0 ? -1 : ft.parent(release);
  if (
    block < 0 ||
    ft.kind(release) !== Kind.expression_statement ||
    ft.kind(block) !== Kind.compound_statement
  )
    return [{ refusal: 'the release is not a statement of its own' }];
  const siblings = ft.children(block);
  const from = siblings.indexOf(release);
  let last = siblings.findLastIndex((each) => reaches(ft, each, finding));
  // A mapping of the page goes before the page.
  while (last > from && isUnmapping(ft, siblings[last + 1])) last++;
  if (last <= from) return [{ refusal: 'the access does not follow the release in the same block' }];
  if (
    siblings
      .slice(from + 1, last + 1)
      .some((each) => ft.jumps(each) || ft.kind(each) === Kind.labeled_statement)
  )
    return [{ refusal: 'control may leave between the release and the access' }];
  const { text } = source.file;
  const gone = removed(ft, release);
  const behind = lineEnd(text, ft.rangeOf(siblings[last]!).end);
  const { start } = ft.rangeOf(release);
  const lines = text.slice(lineStart(text, start), lineEnd(text, start));
  const whole = lines.trim() === text.slice(start, ft.rangeOf(release).end);
  return [
    attempt('Release the pages behind the last access', 'safe', [
      whole ? gone : undefined,
      { range: { start: behind, end: behind }, newText: lines },
    ]),
  ];
}

function isUnmapping(ft: FunctionTree, statement: number | undefined): boolean {
  return statement !== undefined && /^(?:kunmap\w*|vunmap|__kunmap\w*)\s*\(/.test(ft.code(statement).trim());
}

/** Whether a statement holds the finding's access. */
function reaches(ft: FunctionTree, statement: number, { range }: Finding): boolean {
  return ft.tree.start[statement]! <= range.start && range.end <= ft.tree.end[statement]!;
}
