/**
 * What runs show, rule by rule: `npm run explain-report [-- FOLDER…] [--all]`. Looks at the rules' own examples, the
 * cases in test/rules/cases, examples/, and every folder given (GUPCHECK_KERNEL unless given). Prints how many findings
 * each rule has there and how many of them a run shows, then each finding that a run could have shown and did not, with
 * its reason. `--all` prints what is shown as well.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Explanation, trialText } from '#server/explain/index.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { FileReport } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { caseFiles, casesOf } from '../test/rules/cases.ts';

const VERDICTS = ['shown', 'call', 'not-shown', 'nothing-to-run'] as const;

const { values, positionals } = parseArgs({
  options: { all: { type: 'boolean' } },
  allowPositionals: true,
});
const kernel = process.env.GUPCHECK_KERNEL;
const folders = positionals.length > 0 ? positionals : kernel === undefined ? [] : [kernel];
for (const folder of folders) {
  if (existsSync(folder)) continue;
  console.error(`explain-report: ${folder}: no such folder`);
  process.exit(2);
}

const analyzer = await createAnalyzer();
const options = { explanations: true, levels: {} };
const examples = await lintPaths(async () => analyzer, ['examples'], process.cwd(), options);
const fixtures: FileReport[] = [
  ...analyzer.rules.map(({ code, bad }) =>
    lintText(analyzer, `${code} bad`, bad, { ...options, kernel: DEFAULT_KERNEL }),
  ),
  ...caseFiles('test/rules/cases').flatMap(({ file, code }) =>
    casesOf(file).map((each) =>
      lintText(analyzer, `${code} “${each.title}”`, each.code, { ...options, kernel: each.kernel }),
    ),
  ),
  ...examples.reports,
];
report('fixtures', fixtures);
for (const folder of folders) {
  const { reports } = await lintPaths(async () => analyzer, [path.resolve(folder)], folder, options);
  report(folder, reports);
}

function report(title: string, reports: readonly FileReport[]): void {
  const found = reports.flatMap((each) => each.findings.map((finding) => ({ report: each, finding })));
  const count = (code: string | undefined, verdict: string) =>
    found.filter(
      ({ finding }) =>
        (code === undefined || finding.code === code) && finding.explanation?.verdict === verdict,
    ).length;
  console.log(`\n${title}: ${found.length} findings\n`);
  console.log(`code     ${VERDICTS.join('  ')}`);
  const codes = [...new Set(found.map(({ finding }) => finding.code))].sort();
  const row = (code: string | undefined) =>
    VERDICTS.map((verdict) => `${count(code, verdict)}`.padStart(verdict.length)).join('  ');
  for (const code of codes) console.log(`${code}   ${row(code)}`);
  console.log(`all      ${row(undefined)}\n`);
  for (const { report: each, finding } of found) {
    const { explanation } = finding;
    if (explanation === undefined || explanation.verdict === 'nothing-to-run') continue;
    if (explanation.verdict !== 'not-shown' && values.all !== true) continue;
    const line = new LineIndex(each.text).lineOf(finding.range.start);
    console.log(`${each.path}:${line} ${finding.code} ${finding.level}: ${explanation.summary}`);
    console.log(`  ${stepsOf(explanation)}`);
    if (explanation.verdict === 'not-shown')
      for (const trial of explanation.tried) console.log(`  - ${trialText(trial)}`);
  }
  for (const { path: at, problems } of reports) {
    for (const { kind, message } of problems)
      if (kind === 'explanation-threw' || kind === 'analysis-threw') {
        console.log(`${at}: ${message}`);
        process.exitCode = 1;
      }
  }
}

/** The driver's steps in one line. */
function stepsOf({ scenario }: Explanation): string {
  return (scenario?.driver ?? [])
    .map((step) => {
      const slots = 'from' in step ? ` ${step.set}[${step.from}+${step.count}]` : '';
      if (step.op === 'acquire') return `${step.api}(${step.flags}, ${step.nr})=${step.expect ?? '?'}`;
      return `${step.op === 'release' ? step.api : step.op}${slots}`;
    })
    .join('; ');
}
