import { describe, expect, it } from 'vitest';
import { explore, exploreFully } from '#engine/explore/explore.ts';
import { scenarioToLitmus } from '#engine/litmus/from-scenario.ts';
import { lowerLitmus } from '#engine/litmus/lower.ts';
import { parseLitmus } from '#engine/litmus/parser.ts';
import { printLitmus } from '#engine/litmus/printer.ts';
import { runLitmus } from '#engine/litmus/run.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import { FOLL } from '#engine/protocol/flags.ts';
import type { Memory, Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import {
  acquire,
  dmaMap,
  dmaUnmap,
  get,
  memory,
  pin,
  put,
  scenario,
  unpin,
  unpinDirty,
  write,
} from './steps.ts';

const extract = (expected?: number): DriverStep =>
  acquire('iov_iter_extract_pages', FOLL.WRITE, expected === undefined ? {} : { expect: expected });
const getPages = (expected: number): DriverStep =>
  acquire('iov_iter_get_pages2', FOLL.WRITE, { expect: expected });
const bioRelease = (makeDirty: boolean): DriverStep => ({
  op: 'bio-release',
  set: 0,
  from: 0,
  count: 1,
  makeDirty,
});
const kernelBuffer = (kind: 'kvec' | 'bvec'): Memory => ({ kind, pages: 1, mapped: 1, writable: true });

function breaks(on: Memory, steps: readonly DriverStep[], ...actors: Scenario['actors']): string {
  const found = exploreFully(scenario(on, steps, ...actors));
  return found.counterexample?.violation.property ?? found.verdict;
}

describe('iov_iter over a kernel buffer', () => {
  it.each(['kvec', 'bvec'] as const)('extracts pages of a %s without any hold', (kind) => {
    expect(breaks(kernelBuffer(kind), [extract(1), write()])).toBe('holds');
    expect(breaks(kernelBuffer(kind), [extract(1), unpin()])).toBe('refcount-underflow');
    expect(breaks(kernelBuffer(kind), [extract(1), put()])).toBe('refcount-underflow');
  });

  it('references the pages of a bvec, and refuses a kvec', () => {
    expect(breaks(kernelBuffer('bvec'), [getPages(1), put()])).toBe('holds');
    expect(breaks(kernelBuffer('bvec'), [getPages(1)])).toBe('unbalanced-references');
    expect(breaks(kernelBuffer('kvec'), [getPages(-14)])).toBe('holds');
  });

  it('is no memory that get_user_pages*() could find', () => {
    const refused = acquire('pin_user_pages_fast', FOLL.WRITE, { expect: -14 });
    expect(breaks(kernelBuffer('kvec'), [refused])).toBe('holds');
  });

  it('is not touched by what the process and the kernel do to user memory', () => {
    const actors = ['munmap', 'reclaim', 'migrate', 'store'] as const;
    expect(breaks(kernelBuffer('kvec'), [extract(1), write()], ...actors)).toBe('holds');
  });
});

describe('bio_release_pages()', () => {
  const io = [dmaMap('from-device'), dmaUnmap];

  it('unpins what was extracted from user memory', () => {
    expect(breaks(memory('anon'), [extract(1), ...io, bioRelease(true)], 'fork-parent-write')).toBe('holds');
    expect(breaks(memory('anon'), [extract(1), ...io])).toBe('unbalanced-references');
  });

  it('keeps the bytes of a file page when it marks dirty, and only then', () => {
    expect(breaks(memory('file'), [extract(1), ...io, bioRelease(true)], 'writeback')).toBe('holds');
    expect(breaks(memory('file'), [extract(1), ...io, bioRelease(false)], 'writeback')).toBe('lost-write');
  });

  it('leaves alone what nobody pinned for the bio', () => {
    expect(breaks(kernelBuffer('bvec'), [extract(1), ...io, bioRelease(true)])).toBe('holds');
    expect(breaks(memory('anon'), [pin(), ...io, bioRelease(true)])).toBe('unbalanced-references');
  });
});

describe('writeback that takes time', () => {
  const slow = (on: Memory, steps: readonly DriverStep[], ...actors: Scenario['actors']): Scenario => ({
    ...scenario(on, steps, ...actors),
    slowWriteback: true,
  });

  it('loses what is not dirtied, and nothing that is', () => {
    expect(explore(slow(memory('file'), [get(), write(), put()], 'writeback')).verdict).toBe('broken');
    const dirtied = slow(memory('file'), [pin(), write(), unpinDirty()], 'writeback', 'reclaim', 'migrate');
    expect(explore(dirtied).verdict).toBe('holds');
  });

  it('keeps truncation waiting, and then discards', () => {
    const taken = acquire('pin_user_pages_fast', FOLL.WRITE, { expect: 1 });
    const found = explore(slow(memory('file'), [taken, write(), unpinDirty()], 'writeback', 'truncate'));
    expect(found.verdict).toBe('holds');
  });

  it('is two steps in a trace', () => {
    const found = explore(slow(memory('file'), [pin(), write(), unpin()], 'writeback'));
    const calls = found.counterexample!.trace.map((step) => step.call);
    expect(calls).toContain('folio_mkclean() and the start of writeback');
  });
});

describe('a scenario with the newer parts', () => {
  const none = { set: 0, from: 0, count: 0 };
  const parts: Scenario[] = [
    scenario(kernelBuffer('kvec'), [extract(), bioRelease(false)]),
    scenario({ ...memory('file'), stable: true, killed: true }, [get(), put()], 'store'),
    { ...scenario(memory('file'), [pin(), unpinDirty()], 'writeback'), slowWriteback: true },
    { ...scenario(memory('anon'), [pin()]), second: [acquire('pin_user_pages', FOLL.LONGTERM, { set: 1 })] },
    {
      ...scenario(memory('anon'), [
        { op: 'notifier-insert' },
        { op: 'read-begin' },
        { op: 'hmm-fault', set: 0, nr: 1, write: false },
        { op: 'driver-lock' },
        { op: 'if', condition: 'read-retry', ...none, body: 2 },
        { op: 'driver-unlock' },
        { op: 'goto', to: 1 },
        dmaMap('to-device'),
        { op: 'driver-unlock' },
        { op: 'if', condition: 'dma-mapped', set: 0, from: 0, count: 1, negated: true, body: 2 },
        { op: 'if', condition: 'will-pin', ...none, body: 1 },
        { op: 'goto', to: 1 },
        { op: 'notifier-remove' },
      ]),
      callback: [{ op: 'driver-lock' }, { op: 'set-seq' }, { op: 'driver-unlock' }],
    },
  ];

  it.each(parts)('is the same after it was saved as a litmus test: %#', (original) => {
    const text = printLitmus(scenarioToLitmus(original, 'saved'));
    const lowered = lowerLitmus(parseLitmus(text, 'saved'), 'saved').scenario;
    expect(canonicalText(lowered)).toBe(canonicalText(original));
    expect(printLitmus(parseLitmus(text, 'saved'))).toBe(text);
  });

  it.each(parts)('has another canonical text than without them: %#', (original) => {
    const { memory: m, driver, actors } = original;
    const plain: Scenario = {
      memory: { kind: 'anon', pages: m.pages, mapped: m.mapped, writable: true },
      driver: driver.filter((step) => step.op === 'acquire' || step.op === 'release'),
      actors,
    };
    expect(canonicalText(original)).not.toBe(canonicalText(plain));
  });
});

describe('a mistake in the newer parts of a litmus test', () => {
  const text = (driver: string, condition = 'lost-write'): string =>
    `C t\n{ p = anon[1]; }\ndriver(A)\n{\n${driver}\n}\nexists (${condition})\n`;
  const cases: [string, string, string][] = [
    [
      'an unknown condition',
      text('if (dma_maped(pages[0])) { }'),
      '`dma_maped` is no condition (did you mean `dma_mapped`?)',
    ],
    [
      'a label that does not exist',
      text('again:\nmutex_lock(lock);\ngoto agian;'),
      'no label `agian` before this (did you mean `again`?)',
    ],
    [
      'a missing brace',
      text('if (iov_iter_extract_will_pin(p)) unpin_user_page(pages[0]);'),
      'expected `{`, found `unpin_user_page`',
    ],
    [
      'a third driver',
      text('mutex_lock(lock);\n}\ndriver(A)\n{\n}\ndriver(A)\n{'),
      'expected one or two `driver` sections, found a third',
    ],
    [
      'two callbacks',
      text('mutex_lock(lock);\n}\ninvalidate(A)\n{\n}\ninvalidate(A)\n{'),
      'expected one `invalidate` section, found another',
    ],
    [
      'an unknown request',
      text('hmm_range_fault(p, 1, HMM_PFN_REQ_WRIT, pages);'),
      '(did you mean `HMM_PFN_REQ_WRITE`?)',
    ],
    ['torn() without a page', text('mutex_lock(lock);', 'torn(A)'), 'expected a page: `torn(p[0])`'],
  ];
  it.each(cases)('%s', (_what, test, message) => {
    expect(() => runLitmus(parseLitmus(test, 't'), 't')).toThrow(message);
  });
});
