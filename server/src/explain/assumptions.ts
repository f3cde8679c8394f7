/** What a run takes for granted, in words. */
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { Finding } from '../rules/finding.ts';
import type { Environment } from '../rules/rule.ts';
import type { PlaceNamer } from './explainer.ts';
import type { ExplainedStep } from './explanation.ts';
import type { DriverPath } from './scenario.ts';
import { actorInWords, environmentInWords, resultText } from './words.ts';

/** Conditions of the source that are named; of more, those nearest to the end of the path. */
const MAX_GUARDS = 6;

/** One clause each. `environment` is absent when several were tried and none is shown. */
export function assumptionsOf(
  finding: Finding,
  path: DriverPath,
  scenario: Scenario,
  environment: Environment | undefined,
  place: PlaceNamer,
  steps: readonly ExplainedStep[] = [],
): string[] {
  return [
    ...(environment === undefined ? [] : [bufferInWords(scenario, environment)]),
    ...(environment?.actors ?? []).map((actor) => `at any moment, or not at all: ${actorInWords(actor)}`),
    ...results(finding, scenario, place),
    ...guards(finding, place),
    ...continued(steps),
    ...(path.leftOut === 0 ? [] : [`${pluralOf(path.leftOut, 'step')} in the middle of the path left out`]),
  ];
}

function bufferInWords({ memory }: Scenario, environment: Environment): string {
  const what = environmentInWords({ ...environment, actors: [] });
  const pages = pluralOf(memory.pages, 'page');
  if (memory.mapped === memory.pages) return `the buffer is ${what}, ${pages}`;
  const mapped = memory.mapped === 0 ? 'none' : `${memory.mapped}`;
  return `the buffer is ${what}, ${pages}, of which ${mapped} mapped`;
}

/** What each acquiring call asks for and gets. */
function results(finding: Finding, scenario: Scenario, place: PlaceNamer): string[] {
  return scenario.driver.flatMap((step) => {
    if (step.op !== 'acquire') return [];
    const range = step.id === undefined ? undefined : finding.witness?.steps[step.id]?.range;
    const at = range === undefined ? '' : ` at ${place(range)}`;
    const asks = `${step.api}()${at} asks for ${pluralOf(step.nr, 'page')}`;
    if (step.expect === undefined) return [asks];
    const got = step.expect < 0 ? `fails with ${resultText(step.expect)}` : `returns ${step.expect}`;
    return [`${asks} and ${got}`];
  });
}

/** Calls of the run that stand nowhere on the path: how it is taken to go on. */
function continued(steps: readonly ExplainedStep[]): string[] {
  const calls = steps
    .filter(
      ({ driverStep, range, call }) => driverStep !== undefined && range === undefined && call.includes('('),
    )
    .map(({ call }) => call);
  return calls.length === 0 ? [] : [`what the path leaves open ends with ${calls.join(', ')}`];
}

function guards(finding: Finding, place: PlaceNamer): string[] {
  const assumed = finding.witness?.assumed ?? [];
  return assumed
    .slice(-MAX_GUARDS)
    .map(({ text, holds, range }) => `${text} is ${holds ? 'true' : 'false'} (${place(range)})`);
}

function pluralOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
