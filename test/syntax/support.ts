import { Kind, kindName } from '#server/syntax/kinds.ts';
import { createParser, type Parser } from '#server/syntax/parser.ts';
import { openSource, type SourceFile, type SourceOptions } from '#server/syntax/source.ts';
import { NodeFlag, type SyntaxTree } from '#server/syntax/tree.ts';

export const V6_12 = { major: 6, minor: 12, patch: 0 };

/** Both back ends; only wasm where the native addon does not load. */
export async function backends(): Promise<Parser[]> {
  const [preferred, wasm] = await Promise.all([
    createParser({ prefer: 'native' }),
    createParser({ prefer: 'wasm' }),
  ]);
  if (preferred.backend === 'native') return [preferred, wasm];
  if (process.env.GUPCHECK_PARSER !== 'wasm')
    console.warn('!!! NOT RUN: the tests of the native parser: its addon does not load here');
  return [wasm];
}

export function open(text: string, options: Partial<SourceOptions> = {}): SourceFile {
  return openSource('driver.c', text, { kernelVersion: V6_12, ...options });
}

/** A function around statements; the statements keep the line they are on. */
export function withBody(statements: string): SourceFile {
  return open(`static int probe(void)\n{\n${statements}\n}\n`);
}

/** The statements of a `withBody` source as the parser sees them. */
export function rewrittenBody(source: SourceFile): string {
  const { code } = source.slice(0);
  return code.slice(code.indexOf('{') + 2, code.lastIndexOf('}') - 1);
}

/** The first node of a kind, or -1. */
export function find(tree: SyntaxTree, kind: keyof typeof Kind, after = -1): number {
  for (let node = after + 1; node < tree.count; node++) if (tree.kind[node] === Kind[kind]) return node;
  return -1;
}

/** Named nodes as an s-expression, for reading in a failed test. */
export function shape(tree: SyntaxTree, node = 0): string {
  const children: string[] = [];
  for (let child = tree.firstChild[node]!; child >= 0; child = tree.nextSibling[child]!) {
    if (tree.flags[child]! & NodeFlag.named) children.push(shape(tree, child));
  }
  const name = kindName(tree.kind[node]!);
  return children.length === 0 ? name : `(${name} ${children.join(' ')})`;
}

/** Every array of a tree as plain data, to compare trees by value. */
export function plain(tree: SyntaxTree): Record<string, unknown> {
  const { kind, field, start, end, parent, firstChild, nextSibling, flags } = tree;
  const lists = { kind, field, start, end, parent, firstChild, nextSibling, flags };
  return {
    count: tree.count,
    hasError: tree.hasError,
    ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])),
  };
}
