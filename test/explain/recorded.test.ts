/** What is said to be recorded stands in the recordings. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ACQUIRE_APIS } from '#engine/protocol/steps.ts';
import { FACT_CODES, RECORDED, recordedResult, whatTheKernelDoes } from '#server/explain/recorded.ts';
import type { Finding } from '#server/rules/finding.ts';
import { RULES } from '#server/rules/index.ts';

interface Step {
  readonly step?: string;
  readonly op?: string;
  readonly ret?: number;
  readonly warnDelta?: number;
}

const steps = readFileSync(path.join(import.meta.dirname, '../golden/data/bootA_f.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Step);

const situations = Object.keys(RECORDED) as (keyof typeof RECORDED)[];

test.each(situations)('%s', (what) => {
  const { step, warned } = RECORDED[what];
  let found = 0;
  for (const api of ACQUIRE_APIS) {
    const recorded = steps.find((each) => each.op === api && each.step === step.replace('<api>', api));
    if (recorded === undefined) continue;
    found++;
    // The compact form leaves a result of 0 out.
    expect([api, recordedResult(what, api)]).toEqual([api, recorded.ret ?? 0]);
    const warns = (recorded.warnDelta ?? 0) > 0;
    const fast = api.includes('_fast');
    const expected = { none: false, all: true, fast, pin: api.startsWith('pin') }[warned];
    expect([api, warns]).toEqual([api, expected]);
  }
  expect(found).toBeGreaterThanOrEqual(8);
});

test('nothing is said of functions that were not called', () => {
  expect(recordedResult('unmapped', 'iov_iter_get_pages2')).toBeUndefined();
  expect(whatTheKernelDoes({ code: 'GUP402', api: 'iov_iter_get_pages2' } as Finding)).toEqual([]);
});

test('every rule that has nothing to run says what the kernel does', () => {
  const silent = RULES.filter(({ run, code }) => run === undefined && !FACT_CODES.includes(code));
  expect(silent.map(({ code }) => code)).toEqual([]);
});

test('sentences name the result of the function that is called', () => {
  const said = (code: string, api: string) => whatTheKernelDoes({ code, api } as Finding).join(' ');
  expect(said('GUP402', 'get_user_pages')).toContain('get_user_pages() returned -EFAULT');
  expect(said('GUP402', 'get_user_pages')).toContain('4294967282');
  expect(said('GUP401', 'pin_user_pages')).toContain('pin_user_pages() returned 0 for refused flags');
  expect(said('GUP401', 'pin_user_pages_fast')).not.toContain('refused flags');
});
