/**
 * The seam between the lint service and the analysis: everything the service needs of rules/ and explain/, as one
 * object. analysis.ts makes the real one; tests pass their own.
 */
import type { Explanation } from '../explain/explanation.ts';
import type { Certainty, Finding, Level } from '../rules/finding.ts';
import type { InternalProblem } from './report.ts';

/** What front ends show about a rule. */
export interface RuleInfo {
  /** Stable, for instance `GUP201`. */
  readonly code: string;
  /** Kebab case, for instance `write-under-get`. */
  readonly name: string;
  /** What is wrong, in one line. */
  readonly summary: string;
  readonly defaultLevel: Level;
  /** Section of Documentation/core-api/pin_user_pages.rst that the rule comes from. */
  readonly documentSection: string;
  readonly certainty?: Certainty;
  /** Kernel releases in which the rule applies, `major.minor`, both included. */
  readonly since?: string;
  readonly until?: string;
  /** Whether a run of the engine can show it. */
  readonly explainable: boolean;
  readonly rationale: string;
  /** C code. */
  readonly bad: string;
  readonly good: string;
}

/** What the rules say about one file. */
export interface Analysis {
  readonly findings: readonly Finding[];
  /** Functions that were analysed. */
  readonly functions: number;
  /** Names of those that could be parsed only in part. */
  readonly partlyRead: readonly string[];
  readonly problems: readonly InternalProblem[];
}

export interface Analyzer {
  readonly rules: readonly RuleInfo[];
  /** Applies all rules to the text of one file. `kernel` is `major.minor`. */
  analyze(path: string, text: string, kernel: string): Analysis;
  /** Runs the engine for a finding. Called only for codes in `rules`. */
  explain(finding: Finding): Explanation;
  /** The level formula: `base` lowered by the finding's certainty and by a run that could not show it. */
  finalLevel(finding: Finding, base: Level, explanation: Explanation | undefined): Level;
}
