/**
 * What a rewrite leaves behind: blocks with one statement lose their braces, variables that nothing uses any more lose
 * their declarations.
 */
import { Field, Kind } from '../../syntax/kinds.ts';
import { applyEdits, composed, type Edit, type FixSource, moved, sorted } from '../fix.ts';
import { indentAt, lineEnd, lineStart } from './layout.ts';
import { type FunctionTree, functionTree } from './statements.ts';

/** The edits, and those that clean up after them in the functions that they change. */
export function tidied(source: FixSource, edits: readonly Edit[]): readonly Edit[] {
  const text = applyEdits(source.file.text, edits);
  const after: FixSource = { ...source, file: source.reopen(text) };
  const more: Edit[] = [];
  const seen = new Set<number>();
  for (const { range, newText } of edits) {
    const at = moved(edits, range.start);
    const was = functionTree(source, range.start);
    const is = functionTree(after, at);
    if (was === undefined || is === undefined || !is.isSound(is.body)) continue;
    more.push(...looseBraces(is, { start: at, end: at + newText.length }));
    const index = after.file.functionAt(at);
    if (seen.has(index)) continue;
    seen.add(index);
    more.push(...unusedVariables(was, is));
  }
  const ordered = sorted(more);
  if (ordered === undefined || ordered.length === 0) return edits;
  return composed(edits, ordered) ?? edits;
}

/** Braces around the one statement, on one line, that an edit left in the body of an if or a loop. */
function looseBraces(is: FunctionTree, edited: { start: number; end: number }): Edit[] {
  const { text } = is.file;
  let block = is.covering(edited);
  while (block > 0 && is.kind(block) !== Kind.compound_statement) block = is.parent(block);
  if (block <= 0 || block === is.body) return [];
  const holder = is.parent(block);
  const kind = is.kind(holder);
  if (kind !== Kind.if_statement && kind !== Kind.for_statement && kind !== Kind.while_statement) return [];
  // In a chain of if and else all branches have braces when one needs them.
  if (kind === Kind.if_statement) {
    const up = is.parent(holder);
    if (is.field(holder, Field.alternative) >= 0 || is.kind(up) === Kind.else_clause) return [];
  }
  const [only, second] = is.children(block);
  if (only === undefined || second !== undefined) return [];
  if (is.kind(only) === Kind.declaration || is.kind(only) === Kind.labeled_statement) return [];
  const open = is.rangeOf(block).start;
  const close = is.rangeOf(block).end - 1;
  const inner = text.slice(open + 1, close);
  // One statement on one line, without a comment beside it, and nothing behind the braces.
  if (text.slice(is.rangeOf(only).start, is.rangeOf(only).end).includes('\n')) return [];
  if (inner.trim() !== text.slice(is.rangeOf(only).start, is.rangeOf(only).end)) return [];
  if (!/^\s*$/.test(text.slice(close + 1, lineEnd(text, close)))) return [];
  const blanks = /[ \t]*$/.exec(text.slice(0, open))![0].length;
  return [
    { range: { start: open - blanks, end: open + 1 }, newText: '' },
    { range: { start: lineStart(text, close), end: lineEnd(text, close) }, newText: '' },
  ];
}

/** Declarations of locals that were used before and are not any more. */
function unusedVariables(was: FunctionTree, is: FunctionTree): Edit[] {
  const edits: Edit[] = [];
  for (const declaration of is.all(is.body, (node) => is.kind(node) === Kind.declaration)) {
    const declarators = is.children(declaration).filter((node) => is.tree.field[node] === Field.declarator);
    const names = declarators.map((node) => plainName(is, node));
    const gone = names.map(
      (name) => name !== undefined && is.uses(name).length === 1 && was.uses(name).length > 1,
    );
    if (!gone.includes(true)) continue;
    const { start, end } = is.rangeOf(declaration);
    const { text } = is.file;
    if (!gone.includes(false)) {
      edits.push({ range: wholeLines(text, start, end), newText: '' });
      continue;
    }
    for (const [index, node] of declarators.entries()) {
      if (!gone[index]) continue;
      const next = declarators[index + 1];
      const { start: from, end: to } = is.rangeOf(node);
      // With the comma that follows, or, of the last ones, that precedes.
      const range =
        next !== undefined
          ? { start: from, end: is.rangeOf(next).start }
          : { start: is.rangeOf(declarators[gone.lastIndexOf(false)]!).end, end: to };
      edits.push({ range, newText: '' });
    }
  }
  return edits;
}

/** Name of a declarator without an initializer that does anything; undefined for others. */
function plainName(is: FunctionTree, declarator: number): string | undefined {
  let node = declarator;
  if (is.kind(node) === Kind.init_declarator) {
    const value = is.field(node, Field.value);
    if (value >= 0 && !/^(?:-?\w+|NULL)$/.test(is.code(value))) return undefined;
    node = is.field(node, Field.declarator);
  }
  while (is.kind(node) === Kind.pointer_declarator) node = is.field(node, Field.declarator);
  return node >= 0 && is.kind(node) === Kind.identifier ? is.code(node) : undefined;
}

/** The range with its line, where nothing else stands on it; an empty line is not left twice. */
function wholeLines(text: string, start: number, end: number): { start: number; end: number } {
  const from = lineStart(text, start);
  const to = lineEnd(text, end);
  if (text.slice(from, start) !== indentAt(text, start) || text.slice(end, to).trim() !== '')
    return { start, end };
  const emptyBefore = /\n[ \t]*\r?\n$|\{[ \t]*\r?\n$/.test(text.slice(Math.max(0, from - 8), from));
  const emptyAfter = /^[ \t]*\r?\n/.exec(text.slice(to));
  return { start: from, end: emptyBefore && emptyAfter !== null ? to + emptyAfter[0].length : to };
}
