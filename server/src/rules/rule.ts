/** What a rule is: metadata and one pure function from what flow saw to findings. */
import type { ActorKind, MemoryKind } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { FunctionFlow } from '../flow/file.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import type { SourceFile } from '../syntax/source.ts';
import type { Finding, Level } from './finding.ts';

/** Memory and kernel actors in which a run may show what a rule says. All are tried; the first that breaks is shown. */
export interface Environment {
  readonly memory: MemoryKind;
  readonly actors: readonly ActorKind[];
  /** Zone that the pages are in at the start; normal unless given. */
  readonly zone?: 'movable' | 'cma';
}

export interface RuleMeta {
  /** Stable: a code never changes its meaning. */
  readonly code: string;
  /** Kebab case; describes the bad pattern. */
  readonly name: string;
  /** One line, without the code. */
  readonly summary: string;
  readonly defaultLevel: Level;
  /** Section of Documentation/core-api/pin_user_pages.rst, and its lines in the numbered copy of the kernel's text. */
  readonly documentSection: string;
  readonly documentLines: string;
  /** Kernel versions to which the rule applies; open where absent. */
  readonly since?: string;
  readonly until?: string;
  /** Why it is wrong, in two to four sentences. */
  readonly rationale: string;
  /** Complete functions in C: the page's examples, and tests. */
  readonly bad: string;
  readonly good: string;
}

/** How the engine shows a finding of a rule. */
export interface RuleRun {
  readonly environments: readonly Environment[];
  /** The witness ends before the function does: what it leaves held is then released as its last release does it. */
  readonly endsAtRelease?: boolean;
  /**
   * In some memory the acquiring call of the document's form fails where the path as written goes on, and that is the
   * repair: FOLL_LONGTERM refuses DAX memory.
   */
  readonly refusalRepairs?: true;
  /** The device goes on after a release that no unmap precedes. Unless given, its access ends there at the latest. */
  readonly deviceOutlivesRelease?: true;
  /**
   * It is about flags for which the engine's 6.12 refuses the call. Elsewhere they are left out of the run: older kernels
   * took them.
   */
  readonly ofRefusedFlags?: true;
  /** How the path goes on after the witness ends, as far as the rule knows it. */
  readonly completed?: (steps: readonly DriverStep[]) => readonly DriverStep[];
  /** The same steps as the document would have them written. */
  readonly documentForm: (steps: readonly DriverStep[]) => readonly DriverStep[];
}

/** What a rule may ask besides what flow saw. */
export interface RuleContext {
  /** The file as the user wrote it, for what stands at a place. What the whole of it mentions is for `mentions`. */
  readonly text: string;
  /** The same with comments and directives blanked: for code between two places. */
  readonly code: string;
  /**
   * Whether the pattern matches anywhere in the file. The answer is remembered with the findings: an edit elsewhere
   * that changes it has the rules asked again.
   */
  readonly mentions: (pattern: RegExp) => boolean;
  /** The kernel release that the code is for. */
  readonly kernel: KernelVersion;
}

export interface Rule extends RuleMeta {
  /** The rule also judges pages that another entry point has left in a structure (FunctionFlow.pair). */
  readonly pairs?: boolean;
  readonly check: (flow: FunctionFlow, context: RuleContext) => readonly Finding[];
  /**
   * Judges the code of the file as a whole, given what was found of its functions: asked after every edit, and not where
   * other files are joined to it.
   */
  readonly checkFile?: (source: SourceFile, found: readonly Finding[]) => readonly Finding[];
  /** Absent where nothing can be run. */
  readonly run?: RuleRun;
}
