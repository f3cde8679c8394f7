import type { Finding } from '../rules/finding.ts';
import { Field, Kind } from '../syntax/kinds.ts';
import { insertedBefore } from './edits/insert.ts';
import { deeper, newline } from './edits/layout.ts';
import { acquiredAt } from './edits/result.ts';
import type { FunctionTree } from './edits/statements.ts';
import { type Attempts, attempt, type Edit, type FixSource } from './fix.ts';

/**
 * A short count becomes -EFAULT: where it is returned, when only the failure returns there, else before the jump to a
 * return that is shared.
 */
export function fixPositiveError(finding: Finding, source: FixSource): Attempts {
  const acquired = acquiredAt(source, finding.site.range.start);
  if (acquired?.result === undefined) return [{ refusal: 'the result is not stored in a local' }];
  const { ft, result, statement } = acquired;
  const title = 'Return -EFAULT for a short count';
  const branch = failingBranch(ft, statement, result);
  if (branch === undefined) return [{ refusal: 'no branch belongs to the short count alone' }];
  const jump = branch.statements.at(-1)!;
  const code = ft.code(jump).replace(/\s+/g, ' ');
  if (code === `return ${result};`) {
    const { start, end } = ft.rangeOf(jump);
    return [
      attempt(title, 'unsafe', [
        { range: { start, end }, newText: `return ${result} < 0 ? ${result} : -EFAULT;` },
      ]),
    ];
  }
  if (ft.kind(jump) !== Kind.goto_statement) return [{ refusal: 'the branch does not end in a jump' }];
  const edits: Edit[] | undefined = insertedBefore(
    ft,
    jump,
    (indent) =>
      `${indent}if (${result} >= 0)${newline(ft.file)}${deeper(indent)}${result} = -EFAULT;${newline(ft.file)}`,
  );
  return [attempt(title, 'unsafe', edits)];
}

/** The body of the `if` that compares the result with the count and gives up. */
function failingBranch(
  ft: FunctionTree,
  acquire: number,
  result: string,
): { readonly statements: readonly number[] } | undefined {
  const from = ft.tree.start[acquire]!;
  for (const node of ft.all(ft.body, (each) => ft.kind(each) === Kind.if_statement)) {
    if (ft.tree.end[node]! <= from) continue;
    const condition = ft.code(ft.field(node, Field.condition));
    if (
      !new RegExp(`\\b${result}\\s*(?:!=|<)(?!\\s*0\\b)`).test(condition) &&
      !condition.includes('_user_pages')
    )
      continue;
    const statements = ft.run(ft.field(node, Field.consequence));
    const last = statements.at(-1);
    if (last === undefined) continue;
    if (ft.kind(last) === Kind.return_statement || ft.kind(last) === Kind.goto_statement)
      return { statements };
  }
  return undefined;
}
