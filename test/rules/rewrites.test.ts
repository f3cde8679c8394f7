/** The answers about the drivers in test/drivers are the same however these are written. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { lintText } from '#server/linter/file/service.ts';
import { createParser, type Parser } from '#server/syntax/parser.ts';
import { REWRITES } from '../rewrites/index.ts';
import { openForRewriting, rewrite } from '../rewrites/rewriter.ts';

const KERNEL = { major: 6, minor: 12, patch: 0 };
const FOLDER = path.join(import.meta.dirname, '../drivers');

let analyzer: Analyzer;
let parser: Parser;
beforeAll(async () => {
  analyzer = await createAnalyzer();
  parser = await createParser();
});

/** Findings at warning or above, by code and acquiring function. */
function findingsOf(name: string, text: string, homeOf: (fn: string) => string): string[] {
  const report = lintText(analyzer, name, text, { kernel: KERNEL, explanations: false, levels: {} });
  const loud = report.findings.filter(({ level }) => level !== 'note');
  const partly = report.partlyRead.map((fn) => `${homeOf(fn)} is read in part`);
  return [...new Set([...loud.map((f) => `${f.code} ${homeOf(f.site.function)}`), ...partly])].sort();
}

/** The drivers, and a file with forms that they do not have. */
const files = [
  ...readdirSync(FOLDER)
    .filter((name) => name.endsWith('.c'))
    .map((name) => path.join(FOLDER, name)),
  path.join(import.meta.dirname, '../rewrites/forms.c'),
];

/** What is known to be lost: that a caller of a wrapper holds mmap_lock is not seen. */
const LOST: Readonly<Record<string, readonly string[]>> = {
  'acquire in a helper, contexts.c': ['GUP107 pin_twice_locked'],
  'acquire in an inline helper, contexts.c': ['GUP107 pin_twice_locked'],
};

interface Opened extends ReturnType<typeof openForRewriting> {
  readonly name: string;
  readonly text: string;
  readonly findings: readonly string[];
}

let opened: Opened[] = [];
beforeAll(() => {
  opened = files.map((file) => {
    const text = readFileSync(file, 'utf8');
    const name = path.basename(file);
    const options = { kernelVersion: KERNEL, prefer: /(get|pin)_user_pages/ };
    const findings = findingsOf(name, text, (fn) => fn);
    return { name, text, findings, ...openForRewriting(name, text, parser, options) };
  });
});

describe.each(REWRITES.map((kind, turn) => ({ ...kind, turn })))('$kind', ({ turn, ...kind }) => {
  test('changes no answer', () => {
    let places = 0;
    for (const [index, { name, source, functions, findings }] of opened.entries()) {
      const rewritten = rewrite(kind, source, functions);
      places += rewritten.places;
      // Half of the drivers for each: all of them would take too long.
      const isSkipped = (index + turn) % 2 === 0 && name !== 'forms.c';
      if (rewritten.places === 0 || isSkipped) continue;
      const ofThis = (finding: string): boolean => !kind.mayChange?.test(finding);
      const lost = LOST[`${kind.kind}, ${name}`] ?? [];
      const after = findingsOf(name, rewritten.text, rewritten.homeOf).filter(ofThis);
      expect({ name, findings: after }).toEqual({
        name,
        findings: findings.filter((each) => ofThis(each) && !lost.includes(each)),
      });
    }
    expect(places).toBeGreaterThan(0);
  });
});
