/** Whether other ways to a return keep what was acquired: a release in front of it would take that from them too. */
import { Field, Kind, type KindId } from '../../syntax/kinds.ts';
import { leaves } from './leak-places.ts';
import type { Acquired } from './result.ts';

/** What may outlive the function. */
const PLACES: ReadonlySet<KindId> = new Set([
  Kind.field_expression,
  Kind.subscript_expression,
  Kind.pointer_expression,
]);

/**
 * Some way from the acquire to the return stores the array, or a page of it, in an object, and others do not: the store
 * stands in a branch that the return is outside of, and that goes on.
 */
export function isKeptOnAWay({ ft, call, pages }: Acquired, end: number): boolean {
  const name = /^\w+(?=$|\[)/.exec(pages)?.[0];
  if (name === undefined) return false;
  const stored = new RegExp(`^\\s*${name}\\s*(\\[[^\\]]*\\]\\s*)?$`);
  const around = ft.parent(end);
  return ft
    .all(ft.body, (node) => ft.kind(node) === Kind.assignment_expression)
    .some((node) => {
      if (ft.tree.start[node]! < call.range.end || ft.tree.start[node]! > ft.tree.start[end]!) return false;
      const left = ft.field(node, Field.left);
      if (!PLACES.has(ft.kind(left)) || new RegExp(`^${name}\\b`).test(ft.code(left))) return false;
      if (!stored.test(ft.code(ft.field(node, Field.right))) || !ft.isInside(node, around)) return false;
      let branch = -1;
      for (let up = node; up !== around && up > 0; up = ft.parent(up)) {
        if (ft.kind(up) === Kind.compound_statement && leaves(ft, ft.children(up).at(-1)!)) return false;
        if (ft.kind(up) === Kind.if_statement || ft.kind(up) === Kind.switch_statement) branch = up;
      }
      return branch >= 0 && !ft.isInside(end, branch);
    });
}
