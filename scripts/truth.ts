/**
 * Compares gupcheck's findings on a kernel tree with a table of judged call sites: `npm run truth [-- TABLE] [TREE]`.
 * The tree is GUPCHECK_KERNEL unless given; the release stands in the table's name (`linux-6.12.tsv`). Prints, per code, what is right, wrong and missed, and lists false alarms on
 * OK rows. Fails when an OK or ARGUABLE row has an error, when an OK row has a warning, or when the tree is missing.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { FileReport, ReportedFinding } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { joinSiblings } from '#server/linter/project/join.ts';
import { Siblings } from '#server/linter/project/siblings.ts';
import { RULES } from '#server/rules/index.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { parseKernelVersion } from '#server/syntax/preprocess/version.ts';
import { kernelTree } from './kernel-tree.ts';

interface Row {
  readonly file: string;
  readonly function: string;
  readonly api: string;
  readonly line: number;
  readonly verdict: string;
  /** Each entry is met by any one of its codes. */
  readonly codes: readonly (readonly string[])[];
}

function rowsOf(table: string): Row[] {
  const lines = readFileSync(table, 'utf8').split('\n').slice(1);
  return lines.flatMap((line) => {
    const [file, fn, api, at, , , verdict, codes] = line.split('\t');
    if (file === undefined || fn === undefined || api === undefined || verdict === undefined) return [];
    const parsed = codes === undefined || codes === '-' ? [] : codes.split(',').map((c) => c.split('/'));
    return [{ file, function: fn, api, line: Number(at), verdict, codes: parsed }];
  });
}

const args = process.argv.slice(2);
const isFolder = (arg: string): boolean => existsSync(arg) && statSync(arg).isDirectory();
const table = args.find((a) => !isFolder(a)) ?? 'test/truth/linux-6.12.tsv';
const tree = kernelTree('truth', args.find(isFolder));
if (!existsSync(table)) fail(`${table}: no such table; give the path of a .tsv file`);

function fail(message: string): never {
  console.error(`truth: ${message}`);
  process.exit(2);
}

const rows = rowsOf(table);
const analyzer = await createAnalyzer();
const kernel = parseKernelVersion(/linux-(\d+\.\d+)/.exec(path.basename(table))?.[1] ?? '6.12')!;
const reports = new Map<string, FileReport>();
const siblings = new Siblings();
for (const file of new Set(rows.map((r) => r.file))) {
  const at = path.join(tree, file);
  if (!existsSync(at)) fail(`${at}: the table's file is not in this tree`);
  const text = readFileSync(at, 'utf8');
  const options = { kernel, explanations: true, levels: {} };
  const alone = lintText(analyzer, file, text, options);
  reports.set(file, joinSiblings(analyzer, alone, at, text, options, siblings, new Set()));
}

/** The row that a finding belongs to: the nearest call of the same function and api. */
function rowOf(file: string, finding: ReportedFinding): Row | undefined {
  const lines = new LineIndex(reports.get(file)!.text);
  const at = lines.lineOf(finding.site.range.start);
  const same = rows.filter(
    (r) => r.file === file && r.function === finding.site.function && r.api === finding.api,
  );
  return same.sort((a, b) => Math.abs(a.line - at) - Math.abs(b.line - at))[0];
}

const found = new Map<Row, ReportedFinding[]>();
for (const [file, report] of reports) {
  const elsewhere = (report.elsewhere ?? []).flatMap(({ findings }) => findings);
  for (const finding of [...report.findings, ...elsewhere]) {
    const row = rowOf(file, finding);
    if (row !== undefined) found.set(row, [...(found.get(row) ?? []), finding]);
  }
}

interface Count {
  right: number;
  wrong: number;
  missed: number;
}
const counts = new Map<string, Count>();
const count = (code: string, what: keyof Count): void => {
  const c = counts.get(code) ?? { right: 0, wrong: 0, missed: 0 };
  c[what]++;
  counts.set(code, c);
};
const alarms: string[] = [];
let failures = 0;
let misuse = 0;
let met = 0;
for (const row of rows) {
  const here = found.get(row) ?? [];
  const loud = here.filter((f) => f.level !== 'note');
  for (const f of loud)
    count(f.code, row.codes.some((either) => either.includes(f.code)) ? 'right' : 'wrong');
  for (const either of row.verdict === 'MISUSE' ? row.codes : []) {
    if (!loud.some((f) => either.includes(f.code))) count(either.join('/'), 'missed');
  }
  if (row.verdict === 'MISUSE') {
    misuse++;
    if (loud.some((f) => row.codes.flat().includes(f.code))) met++;
  }
  for (const f of loud) {
    const forbidden = row.verdict === 'OK' || (row.verdict === 'ARGUABLE' && f.level === 'error');
    if (!forbidden) continue;
    failures++;
    alarms.push(
      `${row.file}:${row.line} ${row.function}() ${row.api}: ${row.verdict}, but ${f.level} ${f.code}`,
    );
  }
}

const known = new Set(RULES.map((r) => r.code));
console.log(`${rows.length} judged call sites, ${reports.size} files, ${known.size} rules\n`);
console.log('code               right  wrong  missed');
for (const [code, c] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
  const note = code.split('/').some((each) => known.has(each)) ? '' : '   (no such rule yet)';
  console.log(
    `${code.padEnd(18)} ${`${c.right}`.padStart(5)}  ${`${c.wrong}`.padStart(5)}  ${`${c.missed}`.padStart(6)}${note}`,
  );
}
console.log(`\n${met} of ${misuse} MISUSE rows are reported with one of their codes at warning or above`);
console.log(
  alarms.length === 0 ? 'no false alarm on OK or ARGUABLE rows' : `false alarms:\n  ${alarms.join('\n  ')}`,
);
process.exitCode = failures === 0 ? 0 : 1;
