/** The runs behind real findings as SARIF: valid, one thread for each actor, steps in one order. */
import { readFileSync } from 'node:fs';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Log } from 'sarif';
import { expect, test } from 'vitest';
import { formatSarif } from '#server/cli/format/sarif.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { plain } from '#server/linter/text/style.ts';
import { RULES } from '#server/rules/index.ts';

const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats(ajv);
const schema = new URL('../schemas/sarif-2.1.0-rtm.5.json', import.meta.url);
const isSarif = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')));

const analyzer = await createAnalyzer();
const options = { kernel: DEFAULT_KERNEL, explanations: true, levels: {} };
const reports = RULES.map(({ code, bad }) => lintText(analyzer, `drv/${code}.c`, bad, options));
const run = { reports, scanned: reports.length, problems: [], skipped: [], large: 0, notes: [] };
const output = {
  run,
  rules: RULES,
  level: 'note',
  status: 1,
  cwd: '/',
  version: '1.0.0',
  style: plain,
} as const;
const log = JSON.parse(formatSarif(output)) as Log;
const results = log.runs[0]!.results!;

test('the whole log is valid', () => {
  expect(isSarif(log), JSON.stringify(isSarif.errors)).toBe(true);
  expect(results.length).toBeGreaterThanOrEqual(RULES.length);
});

test('every shown finding carries its run, and no other does', () => {
  for (const { codeFlows, properties } of results) {
    const ran = ['shown', 'call'].includes(properties?.verdict as string);
    expect([properties?.verdict, codeFlows !== undefined]).toEqual([properties?.verdict, ran]);
  }
});

const flows = results.flatMap(({ ruleId, codeFlows }) =>
  (codeFlows ?? []).map((flow) => ({ code: ruleId!, flow })),
);

test.each(flows)('$code: steps have one order, places and states', ({ flow }) => {
  const steps = flow.threadFlows.flatMap(({ locations }) => locations);
  const orders = steps.map(({ executionOrder }) => executionOrder!).sort((a, b) => a - b);
  expect(orders).toEqual(orders.map((_order, index) => index + 1));
  for (const { locations } of flow.threadFlows) {
    const own = locations.map(({ executionOrder }) => executionOrder!);
    expect(own).toEqual([...own].sort((a, b) => a - b));
  }
  expect(flow.threadFlows.map(({ id }) => id)).toContain('driver');
  for (const { id } of flow.threadFlows) expect(id).toMatch(/^(driver|device|task|kernel: [\w ]+)$/);
  for (const { location, state } of steps) {
    expect(location?.physicalLocation?.region?.startLine).toBeGreaterThan(0);
    expect(state).toHaveProperty('nr_foll_pin_acquired');
  }
  const last = steps.find(({ executionOrder }) => executionOrder === steps.length)!;
  expect(last.importance).toBe('essential');
  expect(last.location!.message!.text).toContain(`Damage: ${flow.message!.text}`);
});
