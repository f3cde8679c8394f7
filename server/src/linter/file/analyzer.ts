/**
 * The seam between the lint service and the analysis: everything the service needs of rules/ and explain/, as one
 * object. analysis.ts makes the real one; tests pass their own.
 */
import type { Slices } from '#engine/explore/slices.ts';
import type { ExplainOptions } from '../../explain/explainer.ts';
import type { Explanation } from '../../explain/explanation.ts';
import type { Recheck } from '../../explain/recheck.ts';
import type { Proposal } from '../../fix/fix.ts';
import type { FlowJoin } from '../../flow/file.ts';
import type { FileAnalysis } from '../../rules/analyze.ts';
import type { Finding, Level } from '../../rules/finding.ts';
import type { Rule } from '../../rules/rule.ts';
import type { ReadHeader } from '../../syntax/preprocess/headers.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import type { Range } from '../../syntax/range.ts';
import type { DeclaredFunctions } from '../../syntax/source.ts';
import type { ReportedFinding } from './report.ts';

/** What the analysis of a file may use of the project around it. */
export interface ProjectContext {
  /** Finds what `#include "…"` names; without it headers are not followed. */
  readonly readHeader?: ReadHeader;
  /** Functions that the project's configuration describes. */
  readonly declared?: DeclaredFunctions;
}

export interface Analyzer {
  readonly rules: readonly Rule[];
  /** Applies all rules to the text of one file. */
  analyze(path: string, text: string, kernel: KernelVersion, project?: ProjectContext): FileAnalysis;
  /** As analyze() for files that stand one behind the other in `text`: only what concerns several of them is found. */
  analyzeJoined?(
    path: string,
    text: string,
    kernel: KernelVersion,
    join: FlowJoin,
    project?: ProjectContext,
  ): readonly Finding[];
  /** Runs the engine for a finding, in slices. Called only for codes in `rules`. */
  explain(finding: Finding, options: ExplainOptions): Slices<Explanation>;
  /** The level formula: `base` lowered by the finding's certainty and by a run that could not show it. */
  finalLevel(finding: Finding, base: Level, explanation: Explanation | undefined): Level;
}

/** An analyzer that also proposes fixes and tries them out. */
export interface FixingAnalyzer extends Analyzer {
  /**
   * What the finding's rule proposes for the text that it was found in; judge() in fixes.ts decides about it. Undefined
   * for rules that propose nothing.
   */
  proposeFixes(
    finding: Finding,
    path: string,
    text: string,
    kernel: KernelVersion,
    project?: ProjectContext,
  ): Proposal | undefined;
  /**
   * Runs the engine for what becomes of the pages that calls within `acquire` take in an edited text, in the environment
   * that broke the original.
   */
  recheck(
    finding: ReportedFinding,
    path: string,
    text: string,
    kernel: KernelVersion,
    acquire: Range,
    project?: ProjectContext,
  ): Recheck;
}

/** The analyzer of an editor. */
export interface EditorAnalyzer extends FixingAnalyzer {
  /** An analyzer for one file that is edited. Its answers are the same, and sooner. */
  forDocument(): DocumentAnalyzer;
}

/** An analyzer that remembers the last version of one file. Free it with `dispose`. */
export interface DocumentAnalyzer extends Analyzer {
  dispose(): void;
}
