/** Text of one file in, report out: what the command line and the language server share. No I/O. */
import { finish, type Slices } from '#engine/explore/slices.ts';
import type { PlaceNamer } from '../../explain/explainer.ts';
import type { Explanation } from '../../explain/explanation.ts';
import { NO_EXPORTS } from '../../flow/file.ts';
import type { FileAnalysis } from '../../rules/analyze.ts';
import type { Finding, Level } from '../../rules/finding.ts';
import { LineIndex } from '../../syntax/lines.ts';
import { formatKernelVersion, type KernelVersion } from '../../syntax/preprocess/version.ts';
import type { Analyzer, ProjectContext } from './analyzer.ts';
import { fingerprints } from './fingerprint.ts';
import type { FileReport, InternalProblem, ReportedFinding } from './report.ts';

export interface LintOptions {
  /** Kernel release that the code is for. */
  readonly kernel: KernelVersion;
  /** Run the engine for each finding. Without it levels are not lowered by runs that show nothing. */
  readonly explanations: boolean;
  /**
   * Levels by rule code instead of the rules' own. They replace the starting point of the level formula, so an unsure
   * finding of a rule set to `error` is still no error; `off` drops the rule.
   */
  readonly levels: Readonly<Record<string, Level | 'off'>>;
  readonly project?: ProjectContext;
}

/**
 * Lints the text of one file. Never throws: what goes wrong inside the analysis is a problem in the report, beside the
 * findings that could be made.
 */
export function lintText(analyzer: Analyzer, path: string, text: string, options: LintOptions): FileReport {
  return finish(lintSlices(analyzer, path, text, options));
}

/** As lintText(), in slices: the analysis is one, then each run of the engine. */
export function* lintSlices(
  analyzer: Analyzer,
  path: string,
  text: string,
  options: LintOptions,
): Slices<FileReport> {
  const problems: InternalProblem[] = [];
  const analysis = analyzeSafely(analyzer, path, text, options, problems);
  problems.push(...analysis.problems);
  const kept = analysis.findings.filter((finding) => options.levels[finding.code] !== 'off').sort(byPlace);
  const identities = fingerprints(kept);
  const place = placeNamer(text);
  const findings: ReportedFinding[] = [];
  for (const [index, finding] of kept.entries()) {
    yield;
    const explanation = options.explanations
      ? yield* explainSafely(analyzer, finding, place, problems)
      : undefined;
    const rule = analyzer.rules.find(({ code }) => code === finding.code);
    const base = options.levels[finding.code] ?? rule?.defaultLevel ?? 'warning';
    findings.push({
      ...finding,
      level: base === 'off' ? 'note' : analyzer.finalLevel(finding, base, explanation),
      fingerprint: identities[index]!,
      ...(explanation !== undefined && { explanation }),
    });
  }
  const { functions, partlyRead, exports, suspects } = analysis;
  const isUsed = exports.functions.length + exports.held.length + exports.lasting.length > 0;
  return {
    path,
    text,
    kernel: formatKernelVersion(options.kernel),
    findings,
    functions,
    partlyRead,
    problems,
    ...(isUsed && { exports }),
    ...(suspects.length > 0 && { suspects }),
  };
}

function analyzeSafely(
  analyzer: Analyzer,
  path: string,
  text: string,
  { kernel, project }: LintOptions,
  problems: InternalProblem[],
): FileAnalysis {
  try {
    return analyzer.analyze(path, text, kernel, project);
  } catch (error) {
    problems.push(threw('analysis-threw', 'the analysis failed', error));
    return { findings: [], suspects: [], functions: 0, partlyRead: [], problems: [], exports: NO_EXPORTS };
  }
}

/** Names lines of the text, which are counted when the first is asked for. */
function placeNamer(text: string): PlaceNamer {
  let lines: LineIndex | undefined;
  return (range) => {
    // A place in another file that this one was joined with.
    if (range.file !== undefined)
      return `${range.file.path}:${new LineIndex(range.file.text).lineOf(range.start)}`;
    lines ??= new LineIndex(text);
    return `line ${lines.lineOf(range.start)}`;
  };
}

function* explainSafely(
  analyzer: Analyzer,
  finding: Finding,
  place: PlaceNamer,
  problems: InternalProblem[],
): Slices<Explanation | undefined> {
  try {
    return yield* analyzer.explain(finding, { place });
  } catch (error) {
    const what = `the run for ${finding.code} in ${finding.function}() failed`;
    problems.push(threw('explanation-threw', what, error));
    return undefined;
  }
}

function threw(kind: InternalProblem['kind'], what: string, error: unknown): InternalProblem {
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  return {
    kind,
    message,
    ...(error instanceof Error && error.stack !== undefined && { stack: error.stack }),
  };
}

function byPlace(a: Finding, b: Finding): number {
  return a.range.start - b.range.start || a.range.end - b.range.end || (a.code < b.code ? -1 : 1);
}
