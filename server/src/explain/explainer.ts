/** Runs the engine for a finding: the path as written against the document's form of it, in the same environments. */
import { compareSlices, counterexampleSlices, type Difference } from '#engine/explore/compare.ts';
import type { Slices } from '#engine/explore/slices.ts';
import { canonicalText } from '#engine/protocol/canonical.ts';
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Counterexample, PropertyName } from '#engine/protocol/trace.ts';
import type { Finding } from '../rules/finding.ts';
import type { Environment, Rule, RuleRun } from '../rules/rule.ts';
import type { Range } from '../syntax/range.ts';
import { assumptionsOf } from './assumptions.ts';
import { damageInWords } from './damage.ts';
import { environmentsFor } from './environments.ts';
import type { ExplainedStep, Explanation, Trial } from './explanation.ts';
import { whatTheKernelDoes } from './recorded.ts';
import { type DriverPath, driverPath, scenarioOf } from './scenario.ts';
import { environmentInWords, propertyInWords, resultText } from './words.ts';

/** States that one exploration may visit before it answers `bounded`. */
export const STATE_BOUND = 50_000;

/** Verdicts that are remembered; beyond that the oldest is forgotten, and run again when it is asked for. */
const MAX_VERDICTS = 2_000;

/** Names a place of the source in a sentence, for instance `line 26`. */
export type PlaceNamer = (range: Range) => string;

export interface ExplainOptions {
  /** How places are named in sentences. */
  readonly place: PlaceNamer;
  /** States that one exploration may visit; STATE_BOUND unless given. */
  readonly states?: number;
}

/** One environment, tried. */
interface Tried {
  readonly environment: Environment;
  readonly scenario: Scenario;
  readonly form: readonly DriverStep[];
  readonly difference: Difference;
}

/** Remembers verdicts by the scenarios' canonical text: paths that differ only in names are run once. */
export class Explainer {
  readonly #verdicts = new Map<string, Difference>();
  readonly #counterexamples = new Map<string, Counterexample>();

  /**
   * Deterministic: equal findings give equal explanations. It is made in slices of some milliseconds: in between, a
   * caller may look whether the answer is still wanted.
   */
  *explain(finding: Finding, rule: Rule, options: ExplainOptions): Slices<Explanation> {
    const { run } = rule;
    if (run === undefined || finding.witness === undefined || finding.witness.steps.length === 0)
      return nothingToRun(finding);
    const path = driverPath(finding.witness, run);
    const form = run.documentForm(path.steps);
    const tried: Tried[] = [];
    for (const environment of environmentsFor(run, path.steps)) {
      const scenario = scenarioOf(path.steps, environment);
      const difference = yield* this.#verdict(scenario, form, run, options);
      tried.push({ environment, scenario, form, difference });
    }
    const first = tried.find(({ difference }) => difference.shown);
    if (first === undefined) return notShown(finding, path, tried, options);
    const counterexample = yield* this.#counterexample(first.scenario, first.difference.property!, options);
    return shown(finding, path, tried, first, counterexample, options);
  }

  /** The shortest run that breaks the property. */
  *#counterexample(
    scenario: Scenario,
    property: PropertyName,
    { states = STATE_BOUND }: ExplainOptions,
  ): Slices<Counterexample> {
    const key = `${property}\n${canonicalText(scenario)}`;
    const known = this.#counterexamples.get(key);
    if (known !== undefined) return known;
    const found = yield* counterexampleSlices(scenario, property, { bounds: { states } });
    if (found === undefined) throw new Error(`${property} broke, and no run of ${states} states breaks it`);
    remember(this.#counterexamples, key, found);
    return found;
  }

  *#verdict(
    scenario: Scenario,
    form: readonly DriverStep[],
    run: RuleRun,
    options: ExplainOptions,
  ): Slices<Difference> {
    const refusalKeeps = run.refusalRepairs === true;
    const key = `${refusalKeeps}\n${keyOf(scenario, form)}`;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const { states = STATE_BOUND } = options;
    const difference = yield* compareSlices(
      scenario,
      { ...scenario, driver: form },
      {
        bounds: { states },
        refusalKeeps,
        verdictOnly: true,
      },
    );
    // What a bound of this call's own cut short is nobody else's answer.
    if (states !== STATE_BOUND) return difference;
    remember(this.#verdicts, key, difference);
    return difference;
  }
}

function remember<T>(into: Map<string, T>, key: string, value: T): void {
  into.set(key, value);
  if (into.size > MAX_VERDICTS) into.delete(into.keys().next().value!);
}

function keyOf(scenario: Scenario, form: readonly DriverStep[]): string {
  return `${canonicalText(scenario)}\n---\n${canonicalText({ ...scenario, driver: form })}`;
}

function nothingToRun(finding: Finding): Explanation {
  const kernel = whatTheKernelDoes(finding);
  return {
    verdict: 'nothing-to-run',
    summary: 'nothing to run for this rule',
    assumptions: [],
    steps: [],
    tried: [],
    kernel,
    explored: { states: 0, executions: 0, bounded: false },
    reach: '',
  };
}

function shown(
  finding: Finding,
  path: DriverPath,
  tried: readonly Tried[],
  { environment, scenario, form, difference }: Tried,
  counterexample: Counterexample,
  { place }: ExplainOptions,
): Explanation {
  const { document, property } = difference;
  const witnessStep = (index: number | undefined) => {
    const id = index === undefined ? undefined : scenario.driver[index]?.id;
    return id === undefined ? undefined : finding.witness?.steps[id];
  };
  const damage = damageInWords(scenario, counterexample, (index) => {
    const at = witnessStep(index);
    return at === undefined ? undefined : place(at.range);
  });
  const steps = counterexample.trace.map((s, index): ExplainedStep => {
    const at = witnessStep(s.driverStep);
    return {
      ...s,
      ...(at === undefined ? {} : { range: at.range }),
      ...(at?.within === undefined ? {} : { within: at.within }),
      ...(index === counterexample.trace.length - 1 ? { damage } : {}),
    };
  });
  const call = property === 'refused-arguments';
  return {
    verdict: call ? 'call' : 'shown',
    summary: call ? damage : `${environmentInWords(environment)}: ${damage}`,
    scenario,
    assumptions: assumptionsOf(finding, path, scenario, environment, place, steps),
    steps,
    damage,
    ...(property === undefined ? {} : { property }),
    form,
    documentForm: documentForm(difference, document.states),
    tried: tried.map(trialOf),
    kernel: [],
    ...extent(difference, path),
  };
}

function documentForm({ document, remaining }: Difference, states: number): string {
  if (document.verdict === 'refused')
    return `The document's form does not get that far: its call returns ${resultText(document.refusedWith ?? 0)} in such memory, and nothing is held.`;
  if (remaining.length > 0)
    return `The document's form does not break this; what remains there: ${remaining.map(propertyInWords).join(', ')}.`;
  return `The document's form keeps every property, in all of its ${states} states.`;
}

function notShown(
  finding: Finding,
  path: DriverPath,
  tried: readonly Tried[],
  { place }: ExplainOptions,
): Explanation {
  // What breaks in both forms says more than what breaks in none.
  const ran = tried.filter(({ difference }) => difference.written.verdict !== 'refused');
  const last = ran.find(({ difference }) => difference.broken.length > 0) ?? ran.at(-1) ?? tried.at(-1)!;
  const trials = tried.map(trialOf);
  return {
    verdict: 'not-shown',
    summary: `a run could have shown it and did not, in any of ${trials.length} environments, so the level is one lower`,
    scenario: last.scenario,
    form: last.form,
    assumptions: assumptionsOf(finding, path, last.scenario, undefined, place),
    steps: [],
    tried: trials,
    kernel: [],
    ...extent(last.difference, path),
  };
}

function trialOf({ environment, difference }: Tried): Trial {
  const { written, document, shown: repaired, property, remaining } = difference;
  const where = environmentInWords(environment);
  const { states, executions } = written;
  const trial = (outcome: Trial['outcome'], broken = property): Trial => ({
    where,
    outcome,
    ...(broken === undefined ? {} : { property: broken }),
    states,
    executions,
  });
  if (repaired) return trial('repaired');
  if (written.verdict === 'refused') return trial('fails');
  if (written.bounded === true || document.bounded === true) return trial('bounded');
  const broken = difference.broken[0];
  if (written.verdict === 'holds') return trial('holds');
  return document.verdict === 'refused' ? trial('fails', broken) : trial('remains', remaining[0] ?? broken);
}

/** One trial as a clause. */
export function trialText({ where, outcome, property, states }: Trial): string {
  const broken = property === undefined ? 'something breaks' : propertyInWords(property);
  switch (outcome) {
    case 'repaired':
      return `${where}: ${broken}; the document's form repairs it`;
    case 'remains':
      return `${where}: ${broken}, in the document's form as well`;
    case 'holds':
      return `${where}: nothing breaks, in any of ${states} states`;
    case 'fails':
      return property === undefined
        ? `${where}: a call of this path has another result there`
        : `${where}: ${broken}; the call of the document's form fails there`;
    case 'bounded':
      return `${where}: not explored to the end, the bound was hit after ${states} states`;
  }
}

/** How much was explored, and what its silence about anything else is worth. */
function extent(
  { written, document }: Difference,
  path: DriverPath,
): Pick<Explanation, 'explored' | 'reach'> {
  const bounded = written.bounded === true || document.bounded === true;
  const beyond =
    path.leftOut === 0 ? 'a bound beyond them' : 'a bound beyond them, and for the steps that were left out';
  return {
    explored: { states: written.states, executions: written.executions, bounded },
    reach: bounded
      ? 'The bound on states was hit: that nothing else was found proves nothing.'
      : `That is all there are with these pages, steps and actors: that nothing else breaks is a proof for them, and ${beyond}.`,
  };
}
