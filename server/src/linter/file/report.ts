/** What one lint run says about one file: plain data, the boundary to both front ends (cli/ and lsp/). */
import type { Explanation } from '../../explain/explanation.ts';
import type { FlowExports } from '../../flow/file.ts';
import type { AnalysisProblem } from '../../rules/analyze.ts';
import type { Finding, Level } from '../../rules/finding.ts';

export interface ReportedFinding extends Finding {
  readonly level: Level;
  /** Absent only when explanations were not asked for. */
  readonly explanation?: Explanation;
  /** Stable across line shifts: code, function, api and occurrence, hashed. */
  readonly fingerprint: string;
  /** Made of several files: some of its places are in others. */
  readonly joined?: boolean;
}

/** A problem of the analysis itself, never silent: a rule that threw, a budget that was hit. */
export interface InternalProblem {
  readonly kind: AnalysisProblem['kind'] | 'analysis-threw' | 'explanation-threw';
  readonly message: string;
  /** For developers of gupcheck: where it was thrown. */
  readonly stack?: string;
}

/** Whether a problem is a bug of gupcheck's, so that a clean result would claim too much. */
export function isFailure(problem: InternalProblem): boolean {
  return problem.kind !== 'budget' && problem.kind !== 'configurations';
}

export interface FileReport {
  /** Path as the user gave it, or relative to the folder given; forward slashes. */
  readonly path: string;
  /** Text of the file: positions of findings are UTF-16 offsets into it. May be empty where there are none. */
  readonly text: string;
  /** Kernel release that the code was taken to be for, for instance `6.12`. */
  readonly kernel: string;
  readonly findings: readonly ReportedFinding[];
  /** Functions that were analysed, and how many of them could be parsed only in part. */
  readonly functions: number;
  readonly partlyRead: readonly string[];
  readonly problems: readonly InternalProblem[];
  /** What is to be said if the other files of the folder do not release the pages. */
  readonly suspects?: readonly Finding[];
  /** What other files may do with the pages that this one acquires. */
  readonly exports?: FlowExports;
  /** Findings about this file's pages whose places are in other files. */
  readonly elsewhere?: readonly OtherReport[];
}

export interface OtherReport {
  readonly path: string;
  readonly text: string;
  readonly findings: readonly ReportedFinding[];
}
