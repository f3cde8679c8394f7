/** Runs the engine for a finding: the path as written against the document's form of it, in the same environment. */
import { compare, type Difference } from '#engine/explore/compare.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { Finding } from '../rules/finding.ts';
import { releasedAlike } from '../rules/forms.ts';
import type { Environment, Rule } from '../rules/rule.ts';
import type { ExplainedStep, Explanation } from './explanation.ts';
import { driverSteps, scenarioOf } from './scenario.ts';
import { actorInWords, memoryInWords, propertyInWords } from './words.ts';

/** States that one exploration may visit before it answers `bounded`. */
export const STATE_BOUND = 50_000;

/** Verdicts that are remembered; beyond that the oldest is forgotten, and run again when it is asked for. */
const MAX_VERDICTS = 2_000;

/** Remembers verdicts by the scenarios' canonical text: paths that differ only in names are run once. */
export class Explainer {
  readonly #verdicts = new Map<string, Difference>();

  /** Deterministic: equal findings give equal explanations. */
  explain(finding: Finding, rule: Rule): Explanation {
    if (rule.run === undefined || finding.witness === undefined || finding.witness.steps.length === 0)
      return nothingToRun();
    const path = driverSteps(finding.witness);
    const steps = rule.run.endsAtRelease === true ? releasedAlike(path) : path;
    const form = rule.run.documentForm(steps);
    let last: { difference: Difference; scenario: Scenario } | undefined;
    const tried: Environment[] = [];
    for (const environment of rule.run.environments) {
      const scenario = scenarioOf(steps, environment);
      const difference = this.#verdict(scenario, { ...scenario, driver: form });
      tried.push(environment);
      if (difference.shown) return shown(finding, scenario, difference, environment);
      last = { difference, scenario };
    }
    return last === undefined ? nothingToRun() : notShown(last.scenario, last.difference, tried);
  }

  #verdict(written: Scenario, document: Scenario): Difference {
    const key = `${canonicalText(written)}\n---\n${canonicalText(document)}`;
    let difference = this.#verdicts.get(key);
    if (difference === undefined) {
      difference = compare(written, document, { bounds: { states: STATE_BOUND } });
      this.#verdicts.set(key, difference);
      if (this.#verdicts.size > MAX_VERDICTS) this.#verdicts.delete(this.#verdicts.keys().next().value!);
    }
    return difference;
  }
}

const NOTHING = { states: 0, executions: 0, bounded: false } as const;

function nothingToRun(): Explanation {
  return {
    verdict: 'nothing-to-run',
    summary: 'nothing to run for this rule',
    assumptions: [],
    steps: [],
    explored: NOTHING,
  };
}

function shown(
  finding: Finding,
  scenario: Scenario,
  difference: Difference,
  environment: Environment,
): Explanation {
  const { written, document, property } = difference;
  const counterexample = written.counterexample;
  const steps = (counterexample?.trace ?? []).map((s): ExplainedStep => {
    const id = s.driverStep === undefined ? undefined : scenario.driver[s.driverStep]?.id;
    const range = id === undefined ? undefined : finding.witness?.steps[id]?.range;
    return range === undefined ? s : { ...s, range };
  });
  const damage =
    counterexample?.violation.damage ?? (property === undefined ? '' : propertyInWords(property));
  const call = property === 'refused-arguments';
  return {
    verdict: call ? 'call' : 'shown',
    summary: call ? damage : `${inWords(environment)}: ${damage}`,
    scenario,
    assumptions: assumptions(finding, scenario, environment),
    steps,
    damage,
    ...(property === undefined ? {} : { property }),
    documentForm: documentForm(document.verdict, document.states, difference.remaining.map(propertyInWords)),
    explored: {
      states: written.states,
      executions: written.executions,
      bounded: written.verdict === 'bounded' || document.verdict === 'bounded',
    },
  };
}

function documentForm(verdict: string, states: number, remaining: readonly string[]): string {
  if (remaining.length > 0)
    return `The document's form does not break this; what remains there: ${remaining.join(', ')}.`;
  if (verdict === 'bounded')
    return `The document's form did not break in the ${states} states that were visited.`;
  return `The document's form keeps every property, in all of its ${states} states.`;
}

function notShown(scenario: Scenario, difference: Difference, tried: readonly Environment[]): Explanation {
  const { written, document } = difference;
  const refused = written.verdict === 'refused';
  const why = refused
    ? `the model does not confirm the path (${written.refusal ?? 'refused'})`
    : `no difference to the document's form: ${tried.map(inWords).join('; ')}`;
  return {
    verdict: 'not-shown',
    summary: `a run did not show it: ${why}`,
    scenario,
    assumptions: tried.map(inWords),
    steps: [],
    explored: {
      states: written.states,
      executions: written.executions,
      bounded: written.verdict === 'bounded' || document.verdict === 'bounded',
    },
  };
}

/** `private anonymous memory, while the process forks and then writes to the buffer`. */
function inWords(environment: Environment): string {
  const memory = memoryInWords(environment.memory);
  if (environment.actors.length === 0) return memory;
  return `${memory}, while ${environment.actors.map(actorInWords).join(' and ')}`;
}

function assumptions(finding: Finding, scenario: Scenario, environment: Environment): string[] {
  const { memory } = scenario;
  const pages = `${memory.pages} page${memory.pages === 1 ? '' : 's'}`;
  const range = memory.mapped === memory.pages ? pages : `${pages}, of which ${memory.mapped} mapped`;
  const guards =
    finding.witness?.assumed.slice(-6).map((g) => `${g.text} is ${g.holds ? 'true' : 'false'}`) ?? [];
  return [
    `the buffer is ${memoryInWords(environment.memory)}, ${range}`,
    ...environment.actors.map((a) => `at any moment: ${actorInWords(a)}`),
    ...guards,
  ];
}
