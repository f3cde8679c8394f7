/** Lints files: reads, sifts, decodes, and hands the texts to the service. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import type { Level } from '../rules/finding.ts';
import { decodeSource } from '../syntax/decode.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import type { Analyzer } from './analyzer.ts';
import { discover, type InputProblem, type SourcePath, unreadable } from './discover.ts';
import { isOfInterest } from './interest.ts';
import { Projects } from './project.ts';
import type { FileReport } from './report.ts';
import { Scanner } from './scan.ts';
import { lintText } from './service.ts';
import { type SourceText, wrapperUsers } from './wrapper-users.ts';

export interface RunOptions {
  /** Kernel release. Without it each file's own tree decides, and 6.12 where there is none. */
  readonly kernel?: KernelVersion;
  readonly explanations: boolean;
  readonly levels: Readonly<Record<string, Level | 'off'>>;
}

export interface LintRun {
  /** Files that mention page pinning, in the order of their paths. */
  readonly reports: readonly FileReport[];
  /** Number of files that were read, of interest or not. */
  readonly scanned: number;
  /** What is wrong with the paths that the user named. */
  readonly problems: readonly InputProblem[];
  /** Files inside folders that were left out, and why. */
  readonly skipped: readonly InputProblem[];
}

/**
 * Lints files and folders. `analyzer` is asked for only when there is something to analyse. Never throws for what it
 * finds on disk: that is in `problems` and `skipped`.
 */
export async function lintPaths(
  analyzer: () => Promise<Analyzer>,
  paths: readonly string[],
  cwd: string,
  options: RunOptions,
): Promise<LintRun> {
  const { files, problems } = discover(paths, cwd);
  const wrong: InputProblem[] = [...problems];
  const skipped: InputProblem[] = [];
  const reader = new FileReader();
  const projects = new Projects(cwd, options);
  const texts: SourceText[] = [];
  const quiet: SourcePath[] = [];
  let scanned = 0;
  for (const source of files) {
    const outcome = readSource(reader, source, projects);
    if (outcome.problem === undefined) scanned++;
    else (source.named ? wrong : skipped).push(outcome.problem);
    if (outcome.text !== undefined) texts.push({ source, text: outcome.text });
    else if (outcome.problem === undefined) quiet.push(source);
  }
  texts.push(...wrapperUsers(texts, quiet, projects));
  texts.sort((a, b) => (a.source.path < b.source.path ? -1 : 1));
  const reports: FileReport[] = [];
  for (const { source, text } of texts) {
    reports.push(
      lintText(await analyzer(), source.path, text, projects.optionsFor(source.path, source.file)),
    );
  }
  return { reports, scanned, problems: wrong, skipped };
}

/** Lints a text that is not on disk, under the name that it goes by. */
export async function lintInput(
  analyzer: () => Promise<Analyzer>,
  bytes: Uint8Array,
  name: string,
  cwd: string,
  options: RunOptions,
): Promise<LintRun> {
  const decoded = decodeSource(bytes);
  if (decoded.kind === 'binary') return { reports: [], scanned: 0, problems: [binary(name)], skipped: [] };
  const lintOptions = new Projects(cwd, options).optionsFor(name, path.resolve(cwd, name));
  const report = lintText(await analyzer(), name, decoded.text, lintOptions);
  return { reports: [report], scanned: 1, problems: [], skipped: [] };
}

/** The text of a file that is of interest, or what is wrong with it, or nothing. */
function readSource(
  reader: FileReader,
  source: SourcePath,
  projects: Projects,
): { text?: string; problem?: InputProblem } {
  try {
    if (!source.named) return reader.sift(source);
    // A named file is decoded in any case, so that its user learns that it is no text.
    const bytes = readFileSync(source.file);
    const decoded = decodeSource(bytes);
    if (decoded.kind === 'binary') return { problem: binary(source.path) };
    if (isOfInterest(bytes)) return { text: decoded.text };
    const { path: shown, file } = source;
    const read = projects.readHeaderFor(shown, file);
    return projects.headers.callsWrapper(shown, decoded.text, read) ? { text: decoded.text } : {};
  } catch (error) {
    return { problem: unreadable(source.path, error) };
  }
}

function binary(place: string): InputProblem {
  return { place, what: 'is a binary file', cure: 'name C source files' };
}

/** Reads the files of a folder into one buffer, and decodes those that mention page pinning. */
class FileReader {
  readonly #scanner = new Scanner();

  sift(source: SourcePath): { text?: string; problem?: InputProblem } {
    const length = this.#read(source.file);
    if (!this.#scanner.some(length, isOfInterest)) return {};
    const decoded = decodeSource(this.#scanner.buffer.subarray(0, length));
    return decoded.kind === 'binary' ? { problem: binary(source.path) } : { text: decoded.text };
  }

  #read(file: string): number {
    const descriptor = openSync(file, 'r');
    try {
      for (let length = 0; ; this.#scanner.grow()) {
        const { buffer } = this.#scanner;
        length += readSync(descriptor, buffer, length, buffer.length - length, null);
        // A short read is the end of a regular file.
        if (length < buffer.length) return length;
      }
    } finally {
      closeSync(descriptor);
    }
  }
}
