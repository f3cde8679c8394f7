import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KNOWN_DIFFERENCES } from './known.ts';
import { parseRecordings } from './recording.ts';
import { type Mismatch, replay } from './replay.ts';

const DATA = path.join(import.meta.dirname, 'data');

function isKnown(mismatch: Mismatch): boolean {
  return KNOWN_DIFFERENCES.some(
    (known) =>
      known.boot === mismatch.boot &&
      known.scenario.test(mismatch.scenario) &&
      known.what.test(mismatch.what),
  );
}

describe('every value of every recording is what the model gives', () => {
  for (const file of readdirSync(DATA).filter((name) => name.endsWith('.jsonl'))) {
    it(file.replace('.jsonl', ''), () => {
      const recordings = parseRecordings(readFileSync(path.join(DATA, file), 'utf8'));
      expect(recordings.length).toBeGreaterThan(0);
      for (const recording of recordings) {
        const result = replay(recording);
        expect(result.stopped, recording.name).toBeUndefined();
        expect(result.compared, recording.name).toBeGreaterThan(0);
        expect(result.mismatches.filter((mismatch) => !isKnown(mismatch))).toEqual([]);
      }
    });
  }
});

describe('replay', () => {
  const recordings = parseRecordings(readFileSync(path.join(DATA, 'bootA_a.jsonl'), 'utf8'));

  it('sees a wrong reference count, a wrong return value and a wrong counter', () => {
    const nested = recordings.find((recording) => recording.name === 'a_anon0_nested')!;
    const steps = nested.steps.map((step, i) => {
      if (i !== 3) return step;
      const vmstat = { ...step.kernel.vmstat, nrFollPinAcquired: step.kernel.vmstat.nrFollPinAcquired + 1 };
      const pages = step.kernel.pages.map((page) => ({ ...page, refcount: page.refcount + 1 }));
      return { ...step, ret: 2, kernel: { ...step.kernel, vmstat, pages } };
    });
    const seen = replay({ ...nested, steps }).mismatches.map((mismatch) => mismatch.what);
    expect(seen).toEqual(['ret', 'nrFollPinAcquired', 'p.refcount']);
  });

  it('stops at an operation that it does not know, and counts the rest as different', () => {
    const first = recordings[0]!;
    const steps = first.steps.map((step, i) => (i === 1 ? { ...step, op: 'frobnicate' } : step));
    const result = replay({ ...first, steps });
    expect(result.stopped).toContain('frobnicate');
    expect(result.matched).toBeLessThan(result.compared);
  });

  it('refuses a file that is not made of JSON lines', () => {
    expect(() => parseRecordings('{"a": 1}\nnonsense\n')).toThrow('line 2 is not JSON');
  });
});
