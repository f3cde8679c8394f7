/** Statements of a function, from its syntax tree: what stands where, and inside what. */
import { childByField, namedChildren } from '../../flow/lower/navigate.ts';
import { Field, Kind, type KindId } from '../../syntax/kinds.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import { NodeFlag, type SyntaxTree } from '../../syntax/tree.ts';
import type { FixSource } from '../fix.ts';

const STATEMENTS: ReadonlySet<KindId> = new Set([
  Kind.expression_statement,
  Kind.if_statement,
  Kind.for_statement,
  Kind.while_statement,
  Kind.do_statement,
  Kind.switch_statement,
  Kind.return_statement,
  Kind.goto_statement,
  Kind.break_statement,
  Kind.continue_statement,
  Kind.compound_statement,
  Kind.declaration,
  Kind.labeled_statement,
  Kind.case_statement,
]);

const JUMPS: ReadonlySet<KindId> = new Set([
  Kind.return_statement,
  Kind.goto_statement,
  Kind.break_statement,
  Kind.continue_statement,
]);

/** A function's tree with the questions that fixes ask of it. Nodes are numbers of the tree; -1 is none. */
export class FunctionTree {
  readonly file: SourceFile;
  readonly tree: SyntaxTree;
  /** The function's body. */
  readonly body: number;

  constructor(file: SourceFile, tree: SyntaxTree, body: number) {
    this.file = file;
    this.tree = tree;
    this.body = body;
  }

  rangeOf(node: number): Range {
    return { start: this.tree.start[node]!, end: this.tree.end[node]! };
  }

  /** Preprocessed text of a node: comments are blanks. */
  code(node: number): string {
    return this.file.code.slice(this.tree.start[node]!, this.tree.end[node]!);
  }

  kind(node: number): KindId {
    return this.tree.kind[node]!;
  }

  field(node: number, field: number): number {
    return childByField(this.tree, node, field);
  }

  parent(node: number): number {
    return this.tree.parent[node]!;
  }

  /** The innermost node that covers a range. */
  covering({ start, end }: Range): number {
    let found = 0;
    for (let child = this.tree.firstChild[0]!; child >= 0; ) {
      if (this.tree.start[child]! <= start && end <= this.tree.end[child]!) {
        found = child;
        child = this.tree.firstChild[child]!;
      } else child = this.tree.nextSibling[child]!;
    }
    return found;
  }

  /** The innermost statement around a range. */
  statementAt(range: Range): number {
    for (let node = this.covering(range); node > 0; node = this.parent(node)) {
      if (STATEMENTS.has(this.kind(node)) && this.kind(node) !== Kind.compound_statement) return node;
    }
    return -1;
  }

  /** Named children without comments. */
  children(node: number): number[] {
    return namedChildren(this.tree, node);
  }

  /** Statements that a body runs one after another: of a block its own, of a single statement that one. */
  run(body: number): number[] {
    return this.kind(body) === Kind.compound_statement ? this.children(body) : [body];
  }

  /** Whether a node is, or stands inside, another. */
  isInside(node: number, outer: number): boolean {
    return this.tree.start[outer]! <= this.tree.start[node]! && this.tree.end[node]! <= this.tree.end[outer]!;
  }

  /** All nodes below one, and itself, for which a test holds. */
  all(root: number, test: (node: number) => boolean): number[] {
    const found: number[] = [];
    const end = this.tree.end[root]!;
    for (let node = root; node < this.tree.count; node++) {
      if (node !== root && this.tree.start[node]! >= end) break;
      if (node !== root && !this.isInside(node, root)) break;
      if (test(node)) found.push(node);
    }
    return found;
  }

  /** Whether control may leave a node otherwise than at its end. */
  jumps(node: number): boolean {
    return this.all(node, (each) => JUMPS.has(this.kind(each))).length > 0;
  }

  /** The tree was read without errors inside a node. */
  isSound(node: number): boolean {
    return (this.tree.flags[node]! & (NodeFlag.hasError | NodeFlag.error | NodeFlag.missing)) === 0;
  }

  /** The loop or branch whose body a statement is, alone or in a block; -1 where it is the function's. */
  holder(statement: number): number {
    const up = this.parent(statement);
    return this.kind(up) === Kind.compound_statement ? this.parent(up) : up;
  }

  /** Places where an identifier is used in the function's body. */
  uses(name: string): number[] {
    return this.all(this.body, (node) => this.kind(node) === Kind.identifier && this.code(node) === name);
  }
}

/** The tree of the function at an offset; undefined outside functions. */
export function functionTree({ file, parser }: FixSource, offset: number): FunctionTree | undefined {
  const index = file.functionAt(offset);
  if (index < 0) return undefined;
  const tree = file.parse(index, parser);
  for (let node = 0; node < tree.count; node++) {
    if (tree.kind[node] !== Kind.function_definition) continue;
    const body = childByField(tree, node, Field.body);
    return body < 0 ? undefined : new FunctionTree(file, tree, body);
  }
  return undefined;
}
