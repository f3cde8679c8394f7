/** Reading the flat syntax tree. */
import type { FieldId, KindId } from '../../syntax/kinds.ts';
import { Kind } from '../../syntax/kinds.ts';
import type { SyntaxTree } from '../../syntax/tree.ts';
import { NodeFlag } from '../../syntax/tree.ts';

/** First child under a field name, or -1. */
export function childByField(tree: SyntaxTree, node: number, field: FieldId): number {
  for (let c = tree.firstChild[node]!; c >= 0; c = tree.nextSibling[c]!) {
    if (tree.field[c] === field) return c;
  }
  return -1;
}

/** First direct child of a kind, or -1. */
export function childOfKind(tree: SyntaxTree, node: number, kind: KindId): number {
  for (let c = tree.firstChild[node]!; c >= 0; c = tree.nextSibling[c]!) {
    if (tree.kind[c] === kind) return c;
  }
  return -1;
}

/** Named children without comments, in order. */
export function namedChildren(tree: SyntaxTree, node: number): number[] {
  const out: number[] = [];
  for (let c = tree.firstChild[node]!; c >= 0; c = tree.nextSibling[c]!) {
    if ((tree.flags[c]! & NodeFlag.named) !== 0 && tree.kind[c] !== Kind.comment) out.push(c);
  }
  return out;
}

/** Source text of a node. */
export function textOf(tree: SyntaxTree, node: number): string {
  return tree.text.slice(tree.start[node]!, tree.end[node]!);
}
