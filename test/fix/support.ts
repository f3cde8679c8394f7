/** Fixes as tests see them: a text in, the fixed text out. */
import { applyEdits, type Fix } from '#server/fix/fix.ts';
import { judge } from '#server/linter/apply/fixes.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';

const analyzer = await createAnalyzer();

export interface Fixed {
  readonly fix: Fix;
  readonly text: string;
  /** Codes of what is left of the rule's findings, and of what is new, at warning or above. */
  readonly left: readonly string[];
}

/** Fixes the first finding of a rule, or says why not. Fails when there is no such finding. */
export function fixed(code: string, text: string, kernel = '6.12'): Fixed | { readonly refused: string } {
  const options = { kernel: parseKernelVersion(kernel)!, explanations: true, levels: {} };
  const report = lintText(analyzer, 'a.c', text, options);
  const finding = report.findings.find((each) => each.code === code);
  if (finding === undefined) {
    throw new Error(`no ${code}, but ${report.findings.map((each) => each.code).join(' ') || 'nothing'}`);
  }
  const verdict = judge(analyzer, report, finding, options);
  if (verdict?.kind !== 'fix') return { refused: verdict?.advice.reason ?? 'no fixer' };
  const { fix } = verdict;
  const after = applyEdits(text, fix.edits);
  const before = new Set(report.findings.map((each) => each.code));
  const left = lintText(analyzer, 'a.c', after, options).findings.filter(
    (each) => each.level !== 'note' && (each.code === code || !before.has(each.code)),
  );
  return { fix, text: after, left: left.map((each) => each.code) };
}
