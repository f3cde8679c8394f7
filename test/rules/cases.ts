/**
 * Rule tests written as Markdown: a heading names a test, the C block below it is linted, and a comment `// GUP201 error`
 * at the end of a line says that this code is reported on that line at that level. A block without such a comment must
 * come out clean. Several findings on one line are separated by commas. A line `Kernel 5.4.` before the block names the
 * release that it is for; else it is 6.12.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import type { FileReport } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { type KernelVersion, parseKernelVersion } from '#server/syntax/preprocess/version.ts';

export interface Case {
  readonly title: string;
  readonly code: string;
  readonly kernel: KernelVersion;
  /** `line code level`, in order. */
  readonly expected: readonly string[];
}

const EXPECTATION = /\/\/ (GUP\d{3} (?:error|warning|note)(?:, GUP\d{3} (?:error|warning|note))*)$/;

const KERNEL = /^Kernel (\d+\.\d+)\.$/;

/** The cases of one Markdown file. */
export function casesOf(file: string): Case[] {
  const cases: Case[] = [];
  let title = '';
  let kernel = DEFAULT_KERNEL;
  let block: string[] | undefined;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (block !== undefined) {
      if (line !== '```') block.push(line);
      else {
        cases.push({ title, code: `${block.join('\n')}\n`, kernel, expected: expectations(block) });
        block = undefined;
        kernel = DEFAULT_KERNEL;
      }
    } else if (line === '```c') block = [];
    else if (KERNEL.test(line)) kernel = parseKernelVersion(KERNEL.exec(line)![1]!)!;
    else if (line.startsWith('## ')) title = line.slice(3);
  }
  return cases;
}

function expectations(lines: readonly string[]): string[] {
  return lines.flatMap((line, i) => {
    const found = EXPECTATION.exec(line);
    return found === null ? [] : found[1]!.split(', ').map((e) => `${i + 1} ${e}`);
  });
}

/** What is reported, in the form of the expectations. */
export function reported(report: FileReport): string[] {
  const lines = new LineIndex(report.text);
  return report.findings.map((f) => `${lines.lineOf(f.range.start)} ${f.code} ${f.level}`).sort();
}

export function lint(analyzer: Analyzer, code: string, kernel = DEFAULT_KERNEL): FileReport {
  return lintText(analyzer, 'case.c', code, { kernel, explanations: true, levels: {} });
}

/** Markdown files of a folder, those beside this file unless given: the code of a rule, and its path. */
export function caseFiles(
  folder = path.join(import.meta.dirname, 'cases'),
): { readonly code: string; readonly file: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ code: path.basename(name, '.md'), file: path.join(folder, name) }));
}
