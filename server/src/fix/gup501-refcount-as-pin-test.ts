import type { Finding } from '../rules/finding.ts';
import { Field, Kind } from '../syntax/kinds.ts';
import { compareKernelVersions } from '../syntax/preprocess/version.ts';
import { callAt, textOf } from './edits/call.ts';
import { functionTree } from './edits/statements.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** The question asked of the function that knows the answer. Unsafe: it answers otherwise, which is the point. */
export function fixRefcountAsPinTest(finding: Finding, source: FixSource): Attempts {
  const ft = functionTree(source, finding.range.start);
  const node = ft?.covering(finding.range) ?? -1;
  if (ft === undefined || node < 0 || ft.kind(node) !== Kind.binary_expression)
    return [{ refusal: 'the comparison is not written out' }];
  const left = ft.code(ft.field(node, Field.left)).trim();
  const right = ft.code(ft.field(node, Field.right)).trim();
  const operator = ft.code(ft.field(node, Field.operator));
  const reversed = left === 'GUP_PIN_COUNTING_BIAS';
  if (!reversed && right !== 'GUP_PIN_COUNTING_BIAS')
    return [{ refusal: 'it is not compared with GUP_PIN_COUNTING_BIAS alone' }];
  const call = callAt(source.file, ft.tree.start[ft.field(node, reversed ? Field.right : Field.left)]!);
  const page = call?.args[0] === undefined ? undefined : textOf(source.file, call.args[0]);
  const asks = test(call?.name, page, source);
  const above = reversed ? ['<', '<='] : ['>', '>='];
  const below = reversed ? ['>', '>='] : ['<', '<='];
  const not = above.includes(operator) ? '' : below.includes(operator) ? '!' : undefined;
  if (asks === undefined || not === undefined)
    return [{ refusal: 'it asks for an exact number of pins, which nobody can know' }];
  return [
    attempt(`Ask ${/^\w+/.exec(asks)![0]}()`, 'unsafe', [{ range: finding.range, newText: `${not}${asks}` }]),
  ];
}

function test(name: string | undefined, page: string | undefined, { kernel }: FixSource): string | undefined {
  if (name === undefined || page === undefined) return undefined;
  const folios = compareKernelVersions(kernel, { major: 5, minor: 18, patch: 0 }) >= 0;
  if (name === 'folio_ref_count') return `folio_maybe_dma_pinned(${page})`;
  if (name !== 'page_ref_count' && name !== 'page_count') return undefined;
  return folios ? `folio_maybe_dma_pinned(page_folio(${page}))` : `page_maybe_dma_pinned(${page})`;
}
