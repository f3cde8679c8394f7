/**
 * Random programs: a finding's fix leads to a program that no longer differs from the document's form, or there is none.
 * The check does not ask the rules: it explores the paths of the fixed program itself. GUPCHECK_PROGRAMS says how many
 * programs are tried.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compare } from '#engine/explore/compare.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import { driverSteps, scenarioOf } from '#server/explain/scenario.ts';
import { isMeaningful } from '#server/flow/kernel/meaning.ts';
import { fixText } from '#server/linter/apply/fix-text.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { pinApi, pinned, released, unpinApi, withReleases } from '#server/rules/evidence/forms.ts';
import { pathsOf } from '#server/rules/paths.ts';
import type { Environment } from '#server/rules/rule.ts';
import { createParser } from '#server/syntax/parser.ts';
import { openSource } from '#server/syntax/source.ts';
import { choices, programOf } from './programs.ts';

const PROGRAMS = Number(process.env.GUPCHECK_PROGRAMS ?? 100);
const analyzer = await createAnalyzer();
const parser = await createParser();
const options = { kernel: DEFAULT_KERNEL, explanations: true, levels: {} };

const ENVIRONMENTS: readonly Environment[] = [
  { memory: 'anon', actors: ['exit'] },
  { memory: 'anon', actors: ['fork-parent-write'] },
  { memory: 'anon', actors: ['fork-child-write'] },
  { memory: 'file', actors: ['writeback', 'reclaim'] },
];

/**
 * The document's form of any path: what is accessed is pinned, what the CPU writes is marked dirty, all of it released.
 * Whether a device has written by the time of the release is nothing that these programs show.
 */
function documentForm(steps: readonly DriverStep[]): readonly DriverStep[] {
  const whole = released(steps);
  if (whole.some((s) => s.op === 'access' && s.mode === 'write'))
    return pinned(
      whole.filter((s) => s.op !== 'dirty'),
      FOLL.WRITE,
    );
  if (!whole.some((s) => s.op === 'dma-map')) return whole;
  return withReleases(whole, unpinApi).map((s) => (s.op === 'acquire' ? { ...s, api: pinApi(s.api) } : s));
}

/** What a program still breaks that the document's form of it keeps. */
function difference(text: string, environments: readonly Environment[]): string | undefined {
  const source = openSource('a.c', text, { kernelVersion: DEFAULT_KERNEL, means: isMeaningful });
  for (const witness of pathsOf(source, parser, { start: 0, end: text.length }).witnesses) {
    const steps = driverSteps(witness);
    for (const environment of environments) {
      const written = scenarioOf(steps, environment);
      const found = compare(
        written,
        { ...written, driver: documentForm(steps) },
        { bounds: { states: 20_000 } },
      );
      if (found.shown) return `${found.property} in ${environment.memory} while ${environment.actors.join()}`;
    }
  }
  return undefined;
}

it(`${PROGRAMS} programs are put right, or their findings stay`, () => {
  let put = 0;
  fc.assert(
    fc.property(choices, (made) => {
      const text = programOf(made);
      const report = lintText(analyzer, 'a.c', text, options);
      expect(report.partlyRead).toEqual([]);
      const fixed = fixText(analyzer, report, options, { level: 'note', unsafe: true });
      const after = fixed.report;
      expect(after.partlyRead).toEqual([]);
      expect(after.text.split('{').length).toBe(after.text.split('}').length);
      if (made.comment && text.includes('done with it')) expect(after.text).toContain('/* done with it */');
      // Once more changes nothing.
      const again = fixText(analyzer, after, options, { level: 'note', unsafe: true });
      expect(again.report.text).toBe(after.text);
      // What is left has been refused. A program that nothing is left of keeps what the document's form keeps.
      for (const finding of after.findings)
        expect(fixed.remaining.get(finding.fingerprint)?.kind ?? 'advice').toBe('advice');
      if (fixed.applied.length === 0 || after.findings.length > 0) return;
      put++;
      // Where a flag of the driver's says whether pages are dirty, that is its word for whether they were written.
      const environments =
        made.dirty === 'flag' ? ENVIRONMENTS.filter(({ memory }) => memory === 'anon') : ENVIRONMENTS;
      expect(`${difference(after.text, environments)}\n${after.text}`).toBe(`undefined\n${after.text}`);
    }),
    { numRuns: PROGRAMS, seed: 20240612, endOnFailure: true },
  );
  expect(put).toBeGreaterThan(PROGRAMS / 10);
}, 1_200_000);
