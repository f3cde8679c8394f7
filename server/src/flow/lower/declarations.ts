/** What a function declares: its parameters, its locals, and what C's conversions need to know of them. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { SyntaxTree } from '../../syntax/tree.ts';
import { intTypeOf } from './ctypes.ts';
import type { IntType, Param } from './ir.ts';
import { childByField, namedChildren, textOf } from './navigate.ts';
import { structNamed } from './structs.ts';

export interface Declarations {
  readonly params: readonly Param[];
  /** Names of parameters and locals. C's scopes are flattened: a later declaration of a name wins. */
  readonly locals: ReadonlySet<string>;
  /** Locals that are array objects. */
  readonly arrays: ReadonlySet<string>;
  /** Parameters and locals that are declared `**`: they point into arrays of pointers. */
  readonly arrayPointers: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, IntType>;
  /** Structs that parameters and locals are, or point to. */
  readonly structs: ReadonlyMap<string, string>;
}

/** Reads the declarations of a function definition whose body is `body`. */
export function declarationsOf(tree: SyntaxTree, definition: number, body: number): Declarations {
  const locals = new Set<string>();
  const arrays = new Set<string>();
  const arrayPointers = new Set<string>();
  const types = new Map<string, IntType>();
  const structs = new Map<string, string>();
  const params = paramsOf(tree, definition, structs, arrayPointers);
  for (const p of params) {
    locals.add(p.name);
    if (p.type !== undefined) types.set(p.name, p.type);
  }
  for (let n = body; n < tree.count && tree.start[n]! < tree.end[body]!; n++) {
    if (tree.kind[n] !== Kind.declaration) continue;
    const type = typeOf(tree, n);
    const struct = structOf(tree, n);
    for (let c = tree.firstChild[n]!; c >= 0; c = tree.nextSibling[c]!) {
      if (tree.field[c] !== Field.declarator) continue;
      const { name, pointer, deep, array } = declared(tree, c);
      if (name === undefined) continue;
      locals.add(name);
      if (struct !== undefined) structs.set(name, struct);
      if (deep) arrayPointers.add(name);
      if (array) arrays.add(name);
      else if (!pointer && type !== undefined) types.set(name, type);
    }
  }
  return { params, locals, arrays, arrayPointers, types, structs };
}

/** Name that a declarator declares, whether it is a pointer (`deep`: to pointers) or an array. */
export function declared(
  tree: SyntaxTree,
  declarator: number,
): {
  readonly name: string | undefined;
  readonly pointer: boolean;
  readonly deep: boolean;
  readonly array: boolean;
} {
  let pointer = false;
  let deep = false;
  let array = false;
  for (let n = declarator; n >= 0; ) {
    const kind = tree.kind[n];
    if (kind === Kind.identifier) return { name: textOf(tree, n), pointer, deep, array };
    if (kind === Kind.pointer_declarator) {
      deep = pointer;
      pointer = true;
    }
    if (kind === Kind.array_declarator) array = true;
    const inner = childByField(tree, n, Field.declarator);
    n = inner >= 0 ? inner : (namedChildren(tree, n).find((c) => mayDeclare(tree, c)) ?? -1);
  }
  return { name: undefined, pointer, deep, array };
}

function paramsOf(
  tree: SyntaxTree,
  definition: number,
  structs: Map<string, string>,
  arrayPointers: Set<string>,
): Param[] {
  const declarator = functionDeclarator(tree, childByField(tree, definition, Field.declarator));
  const list = declarator < 0 ? -1 : childByField(tree, declarator, Field.parameters);
  if (list < 0) return [];
  return namedChildren(tree, list).flatMap((p): Param[] => {
    if (tree.kind[p] !== Kind.parameter_declaration) return [];
    const { name, pointer, deep } = declared(tree, childByField(tree, p, Field.declarator));
    if (name === undefined) return [];
    const struct = structOf(tree, p);
    if (struct !== undefined) structs.set(name, struct);
    if (deep) arrayPointers.add(name);
    return [{ name, type: pointer ? undefined : typeOf(tree, p), array: deep }];
  });
}

function functionDeclarator(tree: SyntaxTree, node: number): number {
  for (let n = node; n >= 0; n = childByField(tree, n, Field.declarator)) {
    if (tree.kind[n] === Kind.function_declarator) return n;
  }
  return -1;
}

function mayDeclare(tree: SyntaxTree, node: number): boolean {
  const kind = tree.kind[node];
  return (
    kind === Kind.identifier ||
    kind === Kind.pointer_declarator ||
    kind === Kind.array_declarator ||
    kind === Kind.parenthesized_declarator ||
    kind === Kind.function_declarator
  );
}

function typeOf(tree: SyntaxTree, declaration: number): IntType | undefined {
  const type = childByField(tree, declaration, Field.type);
  return type < 0 ? undefined : intTypeOf(textOf(tree, type));
}

function structOf(tree: SyntaxTree, declaration: number): string | undefined {
  const type = childByField(tree, declaration, Field.type);
  return type < 0 ? undefined : structNamed(textOf(tree, type));
}
