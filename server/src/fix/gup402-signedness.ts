import type { Finding } from '../rules/finding.ts';
import { Field, Kind } from '../syntax/kinds.ts';
import { type Acquired, acquiredAt } from './edits/result.ts';
import type { FunctionTree } from './edits/statements.ts';
import { type Attempts, attempt, type Edit, type FixSource } from './fix.ts';

/** The result gets a signed type, where it has none; else the comparison asks for the sign first. */
export function fixSignedness(finding: Finding, source: FixSource): Attempts {
  const acquired = acquiredAt(source, finding.site.range.start);
  const result = acquired?.result;
  if (acquired === undefined || result === undefined)
    return [{ refusal: 'the result is not stored in a local' }];
  const { ft } = acquired;
  const retyped = signedType(acquired, result);
  const signed = attempt(`Make ${result} signed`, 'safe', retyped === undefined ? undefined : [retyped]);
  const tested = signFirst(ft, finding, result);
  const test = attempt(
    'Test for a negative result first',
    'safe',
    tested === undefined ? undefined : [tested],
  );
  // A signed result against an unsigned count needs both.
  if (retyped !== undefined)
    return [
      signed,
      attempt(`Make ${result} signed and test for a negative result first`, 'safe', [retyped, tested]),
    ];
  return [test];
}

/** `unsigned int got` becomes `int got`, where the declaration is of nothing else. */
function signedType({ ft, call }: Acquired, result: string): Edit | undefined {
  for (const declaration of ft.all(ft.body, (node) => ft.kind(node) === Kind.declaration)) {
    const declarators = ft.children(declaration).filter((node) => ft.tree.field[node] === Field.declarator);
    const names = declarators.map((node) => /^\w+/.exec(ft.code(node))?.[0]);
    if (!names.includes(result)) continue;
    const type = ft.field(declaration, Field.type);
    const written = ft.code(type).replace(/\s+/g, ' ');
    const isUnsigned = /^(?:unsigned|u32|u64|size_t|uint\w*|ulong)\b/.test(written);
    if (!isUnsigned || declarators.length !== 1) return undefined;
    const isInt = call.name.includes('_fast');
    return { range: ft.rangeOf(type), newText: isInt ? 'int' : 'long' };
  }
  return undefined;
}

/** `got < n` becomes `got < 0 || got < n`; what is true of a failure before stays true. */
function signFirst(ft: FunctionTree, finding: Finding, result: string): Edit | undefined {
  let node = ft.covering(finding.range);
  while (node > 0 && ft.kind(node) === Kind.parenthesized_expression) node = ft.children(node)[0]!;
  if (node <= 0 || ft.kind(node) !== Kind.binary_expression) return undefined;
  const operator = ft.code(ft.field(node, Field.operator));
  const left = ft.code(ft.field(node, Field.left)).trim();
  const right = ft.code(ft.field(node, Field.right)).trim();
  if (left !== result && right !== result) return undefined;
  const text = ft.file.text.slice(ft.tree.start[node]!, ft.tree.end[node]!);
  const isShort = left === result ? /^(?:<=?|!=)$/.test(operator) : /^(?:>=?|!=)$/.test(operator);
  const isEnough = left === result ? /^(?:>=?|==)$/.test(operator) : /^(?:<=?|==)$/.test(operator);
  if (!isShort && !isEnough) return undefined;
  const both = isShort ? `${result} < 0 || ${text}` : `${result} >= 0 && ${text}`;
  // Under a negation the two belong together.
  const up = ft.parent(node);
  const outer = ft.kind(up) === Kind.binary_expression ? ft.code(ft.field(up, Field.operator)) : '';
  // `(got < 0 || got < n) && got > 0` says less than it seems to.
  if (outer !== '' && outer !== (isShort ? '||' : '&&')) return undefined;
  return { range: ft.rangeOf(node), newText: BINDS_TIGHTER.has(ft.kind(up)) ? `(${both})` : both };
}

/** What binds its operand tighter than `||` and `&&` do. */
const BINDS_TIGHTER: ReadonlySet<number> = new Set([Kind.unary_expression, Kind.cast_expression]);
