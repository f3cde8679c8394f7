import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore } from '#engine/explore/explore.ts';
import { LitmusError } from '#engine/litmus/ast.ts';
import { scenarioToLitmus } from '#engine/litmus/from-scenario.ts';
import { lowerLitmus } from '#engine/litmus/lower.ts';
import { parseLitmus } from '#engine/litmus/parser.ts';
import { printLitmus } from '#engine/litmus/printer.ts';
import { litmusReport, runLitmus } from '#engine/litmus/run.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import { ACTORS, type Scenario } from '#engine/protocol/scenario.ts';
import {
  acquire,
  dmaMap,
  dmaUnmap,
  get,
  later,
  memory,
  pin,
  put,
  scenario,
  unpinDirty,
  write,
} from './steps.ts';

const FOLDER = path.join(import.meta.dirname, '../../examples/litmus');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.litmus'));

const SMALL = `C small

(* CASE 5 *)

{
  p = anon[1];
}

driver(A)
{
  n = get_user_pages_fast(p, 1, FOLL_WRITE, pages);
  (* the bytes land where nobody looks *)
  write(pages[0]);
  put_page(pages[0]);
}

task(A)
{
  fork(B);
  store(p);
}

exists (lost-write /\\ n == 1)
expect Sometimes
`;

describe('the shipped litmus tests', () => {
  it('are at least forty, and each cites the document or says who asked', () => {
    expect(FILES.length).toBeGreaterThanOrEqual(40);
    for (const file of FILES) {
      const { comments } = parseLitmus(readFileSync(path.join(FOLDER, file), 'utf8'), file);
      expect(comments.join(' '), file).toMatch(
        /Document lines \d|Asked in public|^…|unpin_user_pages\(\) warns|Fewer pages/,
      );
    }
  });

  it.each(FILES)(
    '%s gives what it expects, with and without reduction, and prints as written',
    (file) => {
      const text = readFileSync(path.join(FOLDER, file), 'utf8');
      const test = parseLitmus(text, file);
      expect(printLitmus(test)).toBe(text);
      expect(`${test.name}.litmus`).toBe(file);
      const result = runLitmus(test, file);
      expect(result.observation, litmusReport(result)).toBe(test.expectation);
      expect(result.ok).toBe(true);
      const reduced = runLitmus(test, file, { reduction: true });
      expect(reduced.observation).toBe(result.observation);
      expect(reduced.states.map((s) => s.values)).toEqual(result.states.map((s) => s.values));
      // One of them takes 2^21 pins of a page.
    },
    60_000,
  );
});

describe('a result', () => {
  it('is printed as herd prints it', () => {
    const report = litmusReport(runLitmus(parseLitmus(SMALL, 'small')), 0.01);
    expect(report).toBe(`Test small Allowed
States 2
lost-write=0; n=1;
lost-write=1; n=1;
Ok
Witnesses
Positive: 1 Negative: 14
Condition exists (lost-write /\\ n == 1)
Observation small Sometimes 1 14
Time small 0.01
`);
  });

  it('differs from what the file expects, and says so', () => {
    const result = runLitmus(parseLitmus(SMALL.replace('Sometimes', 'Never'), 'small'));
    expect(result.asExpected).toBe(false);
    expect(litmusReport(result)).toContain('Expected Never, observed Sometimes');
  });

  it('is refused when no run gives the assumed result', () => {
    const text = SMALL.replace('  write(', '  assume(n == -EFAULT);\n  write(');
    const result = runLitmus(parseLitmus(text, 'small'));
    expect(result).toMatchObject({ refused: true, asExpected: false, ok: false });
  });

  it('is no proof when a bound is hit', () => {
    expect(runLitmus(parseLitmus(SMALL, 'small'), 'small', { states: 3 })).toMatchObject({
      bounded: true,
      asExpected: false,
    });
  });
});

describe('a mistake in a test is reported with its place, what was expected, and the nearest name', () => {
  const cases: [string, (text: string) => string, string][] = [
    [
      'a misspelt function',
      (t) => t.replace('get_user_pages_fast', 'get_user_page_fast'),
      'small:11:7: `get_user_page_fast` is no statement of a driver (did you mean `get_user_pages_fast`?)',
    ],
    [
      'a misspelt flag',
      (t) => t.replace('FOLL_WRITE', 'FOLL_WIRTE'),
      '11:33: `FOLL_WIRTE` is no flag (did you mean `FOLL_WRITE`?)',
    ],
    [
      'an unknown kind of memory',
      (t) => t.replace('anon', 'anonn'),
      '6:7: expected a kind of memory, found `anonn` (did you mean `anon`?): known are anon, thp',
    ],
    [
      'a missing semicolon',
      (t) => t.replace('put_page(pages[0]);', 'put_page(pages[0])'),
      '15:1: expected `;`, found `}`',
    ],
    [
      'an array that nothing fills',
      (t) => t.replace('put_page(pages', 'put_page(page'),
      '14:12: no acquire fills `page` (did you mean `pages`?)',
    ],
    ['another buffer', (t) => t.replace('fast(p,', 'fast(q,'), '11:27: expected the buffer `p`'],
    [
      'an unknown property',
      (t) => t.replace('(lost-write', '(lost-writes'),
      '23:9: `lost-writes` is no register, property or value (did you mean `lost-write`?)',
    ],
    [
      'an unknown section',
      (t) => t.replace('task(A)', 'taks(A)'),
      '17:1: expected `driver`, `invalidate`, `task`, `kernel`, `exists`, `~exists` or `forall`, found `taks` (did you mean `task`?)',
    ],
    [
      'an unknown action',
      (t) => t.replace('store(p)', 'stor(p)'),
      '20:3: expected one of store in this section, found `stor` (did you mean `store`?)',
    ],
    [
      'an unknown observation',
      (t) => t.replace('Sometimes', 'Maybe'),
      '24:8: expected an observation, found `Maybe`: known are Never, Sometimes, Always',
    ],
    [
      'a comment where it would be lost',
      (t) => t.replace('pages[0]);', 'pages[(* one *)0]);'),
      '13:24: expected no comment here',
    ],
    [
      'a comment to the end',
      (t) => t.replace(/\*\)/g, ''),
      '3:1: this comment is never closed: expected `*)`',
    ],
    [
      'a strange character',
      (t) => t.replace('write(pages', 'write(@pages'),
      '13:9: `@` starts nothing that a litmus test has',
    ],
    [
      'an unknown error name',
      (t) => t.replace('n == 1', 'n == -EFALT'),
      '23:29: expected a number, found `EFALT` (did you mean `EFAULT`?)',
    ],
    [
      'a register without acquire',
      (t) => t.replace('  write(', '  assume(m == 1);\n  write('),
      ':10: no acquire sets `m` (did you mean `n`?)',
    ],
    ['no driver', (t) => t.replace(/driver\(A\)[^}]*}/, ''), 'expected one `driver` section, found 0'],
    ['an early end', (t) => t.slice(0, t.indexOf('exists')), 'found the end of the file'],
    ['no test at all', () => '', "1:1: expected `C` and the test's name, found the end of the file"],
    [
      'something after the end',
      (t) => `${t}driver`,
      '25:1: expected `expect` or the end of the file, found `driver`',
    ],
    [
      'a direction',
      (t) => t.replace('write(pages[0])', 'dma_map(pages[0], DMA_FROM)'),
      'expected a DMA direction',
    ],
    [
      'a missing argument',
      (t) => t.replace('p, 1, FOLL_WRITE, pages', 'p, 1, FOLL_WRITE'),
      'lacks an array of pages or NULL as argument 4',
    ],
  ];
  it.each(cases)('%s', (_what, change, message) => {
    const text = change(SMALL);
    const run = (): unknown => runLitmus(parseLitmus(text, 'small'), 'small');
    expect(run).toThrow(LitmusError);
    expect(run).toThrow(message);
  });

  it('never escapes as another error, whatever the text is', () => {
    fc.assert(
      fc.property(fc.nat(SMALL.length), fc.nat(SMALL.length), fc.string({ maxLength: 3 }), (a, b, insert) => {
        const text = SMALL.slice(0, Math.min(a, b)) + insert + SMALL.slice(Math.max(a, b));
        try {
          lowerLitmus(parseLitmus(text, 'fuzz'), 'fuzz');
        } catch (error) {
          expect(error).toBeInstanceOf(LitmusError);
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});

describe('a scenario saved as a litmus test', () => {
  const saved: Scenario[] = [
    scenario(memory('anon'), [get(), write(), put()], 'fork-parent-write'),
    scenario(memory('file', { writable: false }), [pin(0), unpinDirty()], 'writeback', 'truncate', 'store'),
    scenario(
      memory('thp', { pages: 2, mapped: 1 }),
      [acquire('pin_user_pages', FOLL.WRITE | FOLL.LONGTERM, { nr: 2, expect: 1 }), unpinDirty()],
      'fork-child-write',
      'exit',
    ),
    scenario(
      memory('anon', { zone: 'movable' }),
      [pin(), dmaMap('bidirectional'), later, dmaUnmap, unpinDirty(-14)],
      'migrate',
      'ksm',
    ),
    scenario(
      memory('anon'),
      [
        acquire('get_user_pages', 0x40000000, { nullPages: true }),
        acquire('get_user_pages_fast', 1, { page: 1, nr: 2, set: 1 }),
      ],
      'munmap',
      'reclaim',
    ),
  ];

  it.each(saved)('says the same: %j', (original) => {
    const text = printLitmus(scenarioToLitmus(original, 'saved from drivers/foo.c:12'));
    const lowered = lowerLitmus(parseLitmus(text, 'saved'), 'saved').scenario;
    expect(canonicalText(lowered)).toBe(canonicalText(original));
  });

  it('breaks the same property', () => {
    const original = saved[0]!;
    const { violation } = explore(original).counterexample!;
    const test = scenarioToLitmus(original, 'again', {
      property: violation.property,
      expectation: 'Sometimes',
    });
    expect(runLitmus(parseLitmus(printLitmus(test), 'again')).asExpected).toBe(true);
  });

  it('exists for every actor', () => {
    for (const kind of ACTORS) {
      const original = scenario(memory('anon'), [get(), put()], kind);
      const text = printLitmus(scenarioToLitmus(original, kind));
      expect(canonicalText(lowerLitmus(parseLitmus(text, kind), kind).scenario)).toBe(
        canonicalText(original),
      );
    }
  });
});
