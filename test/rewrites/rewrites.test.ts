/** The answers about the drivers in test/drivers are the same however these are written. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { Analyzer } from '#server/linter/file/analyzer.ts';
import { lintText } from '#server/linter/file/service.ts';
import { createParser, type Parser } from '#server/syntax/parser.ts';
import { REWRITES } from './index.ts';
import { openForRewriting, type Rewrite, rewrite } from './rewriter.ts';

const KERNEL = { major: 6, minor: 12, patch: 0 };
const FOLDER = path.join(import.meta.dirname, '../drivers');

let analyzer: Analyzer;
let parser: Parser;
beforeAll(async () => {
  analyzer = await createAnalyzer();
  parser = await createParser();
});

/** Findings at warning or above, by code and acquiring function. */
function findingsOf(
  name: string,
  text: string,
  { mayChange }: Rewrite,
  homeOf: (fn: string) => string,
): string[] {
  const report = lintText(analyzer, name, text, { kernel: KERNEL, explanations: true, levels: {} });
  const loud = report.findings.filter(({ level, code }) => level !== 'note' && !mayChange?.test(code));
  const partly = report.partlyRead.map((fn) => `${homeOf(fn)} is read in part`);
  return [...new Set([...loud.map((f) => `${f.code} ${homeOf(f.site.function)}`), ...partly])].sort();
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.c'));

describe.each(REWRITES)('$kind', (kind) => {
  test('changes no answer', () => {
    let places = 0;
    for (const name of files) {
      const text = readFileSync(path.join(FOLDER, name), 'utf8');
      const { source, functions } = openForRewriting(name, text, parser, {
        kernelVersion: KERNEL,
        prefer: /(get|pin)_user_pages/,
      });
      const rewritten = rewrite(kind, source, functions);
      places += rewritten.places;
      if (rewritten.places === 0) continue;
      expect({ name, findings: findingsOf(name, rewritten.text, kind, rewritten.homeOf) }).toEqual({
        name,
        findings: findingsOf(name, text, kind, (fn) => fn),
      });
    }
    expect(places).toBeGreaterThan(0);
  });
});
