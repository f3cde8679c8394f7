/** Fixes the files of a lint run: reads them again, fixes their texts, and writes them back or makes a patch of them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Decoded, decodeSource } from '../../syntax/decode.ts';
import type { FixingAnalyzer } from '../file/analyzer.ts';
import type { FileReport } from '../file/report.ts';
import { type InputProblem, unreadable } from '../input/discover.ts';
import { Projects } from '../project/project.ts';
import type { LintRun, RunOptions } from '../run/run.ts';
import { type AppliedFix, type FixedText, type FixOptions, fixText, type Remaining } from './fix-text.ts';
import { filePatch } from './patch.ts';
import { rewriteFile } from './rewrite-file.ts';

export interface FileFixes {
  readonly path: string;
  readonly applied: readonly AppliedFix[];
}

/** What a lint run has to say about fixes. */
export interface FixSummary {
  /** `applied`: files were rewritten. `patch`: a patch was made. `none`: only looked for. */
  readonly mode: 'applied' | 'patch' | 'none';
  readonly files: readonly FileFixes[];
  /** Fixes and advice for the findings that are left, by path and fingerprint. */
  readonly remaining: ReadonlyMap<string, ReadonlyMap<string, Remaining>>;
}

export interface FixedRun {
  /** The run with the reports of the texts as they are now: fixed where files were written. */
  readonly run: LintRun;
  readonly fixes: FixSummary;
  /** Of mode `patch`: a unified diff, in the encoding of each file. Empty where nothing is to be changed. */
  readonly patch: Uint8Array;
}

/** `write` rewrites the files; `diff` leaves them and returns a patch; `offer` only looks for fixes and applies none. */
export type FixMode = 'write' | 'diff' | 'offer';

/**
 * Fixes the findings of a run. Only files that the run has read are touched. What cannot be written is in the run's
 * problems, and its report is that of the text as it is.
 */
export async function fixRun(
  analyzer: FixingAnalyzer,
  run: LintRun,
  cwd: string,
  mode: FixMode,
  options: FixOptions,
  runOptions: RunOptions,
  input?: Uint8Array,
): Promise<FixedRun> {
  const problems: InputProblem[] = [...run.problems];
  const reports: FileReport[] = [];
  const files: FileFixes[] = [];
  const remaining = new Map<string, ReadonlyMap<string, Remaining>>();
  const patches: Uint8Array[] = [];
  // What a fix is for is judged with the engine, whatever the user asked to see.
  const projects = new Projects(cwd, { ...runOptions, explanations: true });
  for (const report of run.reports) {
    if (report.findings.length === 0) {
      reports.push(report);
      continue;
    }
    const file = path.resolve(cwd, report.path);
    await projects.prepare(path.dirname(file));
    const lintOptions = projects.optionsFor(report.path, file);
    const how = mode === 'offer' ? { ...options, offerOnly: true } : options;
    const fixed = fixText(analyzer, report, lintOptions, how);
    const outcome = fixed.applied.length === 0 ? {} : store(report, fixed, cwd, mode, input);
    if (outcome.problem !== undefined) problems.push(outcome.problem);
    if (outcome.patch !== undefined) patches.push(outcome.patch);
    const left = outcome.problem !== undefined;
    if (!left && fixed.applied.length > 0) files.push({ path: report.path, applied: fixed.applied });
    reports.push(left ? report : withJoined(fixed, report));
    remaining.set(report.path, left ? new Map() : fixed.remaining);
  }
  return {
    run: { ...run, reports, problems },
    fixes: { mode: mode === 'write' ? 'applied' : mode === 'diff' ? 'patch' : 'none', files, remaining },
    patch: Buffer.concat(patches),
  };
}

/** Findings that several files make are not made anew; an edit may have moved what they speak of. */
function withJoined({ report, applied }: FixedText, before: FileReport): FileReport {
  const joined = before.findings.filter((finding) => finding.joined);
  if (joined.length === 0 || applied.length > 0) return report;
  const findings = [...report.findings, ...joined].sort((a, b) => a.range.start - b.range.start);
  return { ...report, findings };
}

function store(
  report: FileReport,
  fixed: FixedText,
  cwd: string,
  mode: FixMode,
  input: Uint8Array | undefined,
): { readonly problem?: InputProblem; readonly patch?: Uint8Array } {
  const file = path.resolve(cwd, report.path);
  try {
    const before = input ?? readFileSync(file);
    const decoded = decodeSource(before);
    if (decoded.kind === 'binary' || decoded.text !== report.text) {
      const what = 'was changed meanwhile, so it was not fixed';
      return { problem: { place: report.path, what, cure: 'run gupcheck again' } };
    }
    const after = encode(fixed.report.text, decoded);
    if (mode === 'diff') return filePatch(file, report.path, cwd, before, after);
    const problem = rewriteFile(file, report.path, before, after);
    return problem === undefined ? {} : { problem };
  } catch (error) {
    return { problem: unreadable(report.path, error) };
  }
}

/** The text in the bytes that it came from: encoding and byte order mark as they were. */
function encode(text: string, { encoding, bom }: Extract<Decoded, { kind: 'text' }>): Uint8Array {
  const bytes = Buffer.from(text, encoding === 'latin1' ? 'latin1' : 'utf8');
  return bom ? Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]) : bytes;
}
