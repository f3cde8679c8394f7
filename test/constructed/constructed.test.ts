/**
 * Drivers whose truth is known by construction: a right one has no finding at warning or above, a mistake is found but where
 * a weakness is known, and there as often as it was when its floor was written down. GUPCHECK_CONSTRUCTED is the number
 * of right programs of each shape for a longer run, whose seed is drawn and printed with what it finds.
 */
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { reported } from '../rules/cases.ts';
import { chunks } from './chunks.ts';
import { marks } from './marks.ts';
import { object } from './object.ts';
import type { Expected, Shape } from './shape.ts';
import { transfer } from './transfer.ts';

const asked = process.env.GUPCHECK_CONSTRUCTED;
const isLong = asked !== undefined;
const right = Number(asked ?? 120);
const wrong = Math.ceil(right / 4);
const seed = isLong ? randomInt(2 ** 31) : 20240612;
const TIMEOUT = 600_000;

const analyzer = await createAnalyzer();
const OPTIONS = { kernel: DEFAULT_KERNEL, explanations: false, levels: {} } as const;

/** Codes at warning or above, of every program so far: small shapes draw the same one again. */
const judged = new Map<string, readonly string[]>();

function codesOf(code: string): readonly string[] {
  let codes = judged.get(code);
  if (codes === undefined) {
    const { findings, partlyRead } = lintText(analyzer, 'driver.c', code, OPTIONS);
    expect(partlyRead).toEqual([]);
    codes = findings.filter(({ level }) => level !== 'note').map((finding) => finding.code);
    judged.set(code, codes);
  }
  return codes;
}

/** A program as a failing run shows it: its text, and all that is said of it. */
function shown(code: string): string {
  const report = lintText(analyzer, 'driver.c', code, OPTIONS);
  const parts = report.partlyRead.length > 0 ? '\nnot all of it could be parsed' : '';
  return `${code}findings (line, code, level): ${reported(report).join(', ') || 'none'}${parts}`;
}

/** Fails with the smallest of the programs that `holds` does not hold for. */
function expectAll<C>(
  all: fc.Arbitrary<C>,
  runs: number,
  text: (c: C) => string,
  holds: (c: C) => boolean,
): void {
  const { counterexample } = fc.check(fc.property(all, holds), { numRuns: runs, seed });
  if (counterexample)
    expect.fail(`seed ${seed}; the smallest such program:\n${shown(text(counterexample[0]))}`);
}

/** What a longer run tells at its end. */
const told: string[] = [];
/** Different programs. */
const totals = { right: 0, wrong: 0, found: 0 };

function describeShape<C, M extends string>(shape: Shape<C, M>): void {
  describe(shape.title, () => {
    it(
      'has no finding at warning or above where it is right',
      () => {
        const before = judged.size;
        expectAll(shape.choices, right, shape.text, (choices) => codesOf(shape.text(choices)).length === 0);
        const made = judged.size - before;
        told.push(`${shape.title}: ${made} right ones, none reported`);
        totals.right += made;
      },
      TIMEOUT,
    );

    it.each(Object.entries<Expected<C>>(shape.mistakes))(
      'is found to have its mistake: %s',
      (name, { codes, floor, fits = () => true, mayPass = () => false }) => {
        const text = (choices: C) => shape.text(choices, name as M);
        const isFound = (choices: C) => codesOf(text(choices)).some((code) => codes.includes(code));
        const programs = shape.choices.filter(fits);
        const seen = new Map<string, boolean>();
        expectAll(programs, wrong, text, (choices) => {
          const one = isFound(choices);
          seen.set(text(choices), one);
          return one || mayPass(choices);
        });
        const found = [...seen.values()].filter(Boolean).length;
        told.push(`${shape.title}, ${name}: ${found} of ${seen.size} found`);
        totals.wrong += seen.size;
        totals.found += found;
        // Another seed draws other shares of what may pass unseen.
        if (isLong || found >= floor * seen.size) return;
        console.error(`${name}: ${found} of ${seen.size} found, and it was a share of ${floor}`);
        expectAll(programs, wrong, text, isFound);
      },
      TIMEOUT,
    );
  });
}

describeShape(transfer);
describeShape(object);
describeShape(chunks);
describeShape(marks);

afterAll(() => {
  const { right: none, wrong: all, found } = totals;
  if (isLong)
    console.log(
      `${told.join('\n')}\n${none} right, none reported; ${found} of ${all} wrong found; seed ${seed}`,
    );
});
