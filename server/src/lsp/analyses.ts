/** What the linter says about the open documents: one analyzer and one report each, freed when they are closed. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CancellationToken } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Slices } from '#engine/explore/slices.ts';
import { type FixVerdict, judge } from '../linter/apply/fixes.ts';
import { acquiringIn, Configs, declaredBy, isExcluded, type LoadedConfig } from '../linter/config/config.ts';
import type { DocumentAnalyzer, EditorAnalyzer, ProjectContext } from '../linter/file/analyzer.ts';
import { movedAlong } from '../linter/file/places.ts';
import { type FileReport, isFailure, type ReportedFinding } from '../linter/file/report.ts';
import { type LintOptions, lintSlices } from '../linter/file/service.ts';
import type { InputProblem } from '../linter/input/discover.ts';
import { PROTOCOL_WORDS } from '../linter/input/interest.ts';
import { Headers, wordPattern } from '../linter/project/headers.ts';
import { DEFAULT_KERNEL, treeRelease } from '../linter/project/kernel-version.ts';
import { projectRoot } from '../linter/project/project.ts';
import { LEVELS } from '../rules/finding.ts';
import { formatKernelVersion, type KernelVersion } from '../syntax/preprocess/version.ts';
import type { Log } from './log.ts';
import { foundAround } from './neighbours.ts';
import type { Settings } from './settings.ts';
import { cancellable, inTurns } from './turns.ts';

/** UTF-16 units above which a document is not analysed. */
export const MAX_DOCUMENT = 2 << 20;

export interface Analysed {
  readonly report: FileReport;
  /** The findings that the settings show. */
  readonly findings: readonly ReportedFinding[];
  /** Changes whenever the findings may have. */
  readonly resultId: string;
}

interface Current {
  readonly version: number;
  readonly settings: Settings;
  readonly analysed: Analysed;
  /** Of the document alone. */
  readonly own: FileReport;
  /** Fixes that were looked for, by fingerprint; null where the rule has none. */
  readonly fixes: Map<string, FixVerdict | null>;
}

/** An analysis that is under way. */
interface Pending {
  readonly version: number;
  readonly settings: Settings;
  /** Requests that wait for it. */
  waiting: number;
  readonly done: Promise<void>;
}

interface Entry {
  readonly analyzer: DocumentAnalyzer;
  current?: Current;
  pending?: Pending;
  /** What the other files of the folder added when they were last read, and to which text. */
  around?: { readonly text: string; readonly findings: readonly ReportedFinding[] };
  /** Whether the log says that it is too large. */
  tooLarge: boolean;
}

/** What the analyses need of the client's side. */
export interface Surroundings {
  /** Folders that the client has open. */
  readonly folders: readonly string[];
  /** Text of a file that is open, as it is in the editor. */
  readonly openText: (file: string) => string | undefined;
}

export class Analyses {
  readonly #analyzer: EditorAnalyzer;
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();
  readonly #surroundings: Surroundings;
  readonly #headers: Headers;
  readonly #configs: Configs;
  #releases = new Map<string, KernelVersion | undefined>();
  #roots = new Map<string, string>();
  #serial = 0;
  /** Counts how often everything known was forgotten. */
  #epoch = 0;

  constructor(analyzer: EditorAnalyzer, log: Log, surroundings: Surroundings) {
    this.#analyzer = analyzer;
    this.#log = log;
    this.#surroundings = surroundings;
    this.#headers = new Headers(surroundings);
    this.#configs = new Configs({ cwd: surroundings.folders[0] ?? '' });
  }

  /** Reads the configurations that count for a document. Answers with what is wrong with any that was read. */
  async prepare(uri: string): Promise<readonly InputProblem[]> {
    const place = this.#placeOf(uri);
    if (place !== undefined) await this.#configs.prepare(place.folder, place.root);
    return this.#configs.problems;
  }

  get analyzer(): EditorAnalyzer {
    return this.#analyzer;
  }

  /**
   * The findings of the document as it is now; it may be edited meanwhile. Undefined for what is too large to be
   * analysed, and when the document is closed first.
   *
   * @throws ResponseError when the client no longer wants the answer.
   */
  async of(
    document: TextDocument,
    settings: Settings,
    token?: CancellationToken,
  ): Promise<Analysed | undefined> {
    const entry = this.#entry(document.uri);
    while (this.#entries.get(document.uri) === entry) {
      const { current } = entry;
      if (current?.version === document.version && current.settings === settings) return current.analysed;
      if (this.#isTooLarge(entry, document)) return undefined;
      const pending = this.#pending(entry, document, settings);
      pending.waiting++;
      try {
        await cancellable(pending.done, token);
      } finally {
        pending.waiting--;
      }
    }
    return undefined;
  }

  #isTooLarge(entry: Entry, document: TextDocument): boolean {
    const tooLarge = document.getText().length > MAX_DOCUMENT;
    if (tooLarge && !entry.tooLarge) this.#log.warn(`${document.uri}: larger than 2 MB, not analysed`);
    entry.tooLarge = tooLarge;
    return tooLarge;
  }

  /** The analysis that is under way, or a new one. It is left when nobody waits for it or the document has changed. */
  #pending(entry: Entry, document: TextDocument, settings: Settings): Pending {
    const { uri, version } = document;
    if (entry.pending?.version === version && entry.pending.settings === settings) return entry.pending;
    const epoch = this.#epoch;
    const valid = () =>
      document.version === version && this.#epoch === epoch && this.#entries.get(uri) === entry;
    const work = this.#lint(entry.analyzer, uri, document.getText(), settings);
    const done = inTurns(work, () => pending.waiting > 0 && valid()).then((report) => {
      if (entry.pending === pending) delete entry.pending;
      if (report !== undefined && valid()) this.#keep(entry, uri, version, settings, report);
    });
    const pending: Pending = { version, settings, waiting: 0, done };
    entry.pending = pending;
    return pending;
  }

  #keep(entry: Entry, uri: string, version: number, settings: Settings, own: FileReport): void {
    for (const problem of own.problems.filter(isFailure)) {
      this.#log.failed(uri, problem.stack ?? problem.message);
    }
    this.#show(entry, version, settings, own);
  }

  /** What is said of a document from now on: of itself, and what the folder added last, as far as it has its place yet. */
  #show(entry: Entry, version: number, settings: Settings, own: FileReport): void {
    const { around } = entry;
    const added = around === undefined ? [] : movedAlong(around.findings, around.text, own.text);
    const findingsOfAll = [...own.findings, ...added].sort((a, b) => a.range.start - b.range.start);
    const report = { ...own, findings: findingsOfAll };
    const threshold = LEVELS.indexOf(settings.level);
    const findings = report.findings.filter(({ level }) => LEVELS.indexOf(level) <= threshold);
    const analysed = { report, findings, resultId: `${++this.#serial}` };
    entry.current = { version, settings, analysed, own, fixes: new Map() };
  }

  /**
   * Reads the other files of a document's folder for what they do with its pages, and adds what is found. Whether
   * anything is said now that was not said before, or no longer. Takes as long as an analysis: not for each edit.
   */
  lookAround({ uri, version }: TextDocument, settings: Settings): boolean {
    const entry = this.#entries.get(uri);
    const file = fileOf(uri);
    const { current } = entry ?? {};
    if (entry === undefined || file === undefined) return false;
    if (current?.version !== version || current.settings !== settings) return false;
    const { own } = current;
    const options = this.#optionsFor(uri, settings);
    const findings = foundAround(this.#analyzer, own, file, options, this.#surroundings.openText);
    const before = current.analysed.report.findings.length - own.findings.length;
    entry.around = { text: own.text, findings };
    if (before === 0 && findings.length === 0) return false;
    this.#show(entry, version, settings, own);
    return true;
  }

  /** The fix of a finding of the last analysis, or why there is none. */
  fixFor(uri: string, finding: ReportedFinding): FixVerdict | undefined {
    const current = this.#entries.get(uri)?.current;
    if (current === undefined) return undefined;
    let fix = current.fixes.get(finding.fingerprint);
    if (fix === undefined) {
      const options = this.#optionsFor(uri, current.settings);
      fix = judge(this.#analyzer, current.analysed.report, finding, options) ?? null;
      current.fixes.set(finding.fingerprint, fix);
    }
    return fix ?? undefined;
  }

  /** The kernel release that a document is taken to be for. */
  kernelOf(uri: string, settings: Settings): KernelVersion {
    return settings.kernel ?? this.#configOf(uri)?.kernel ?? this.#treeRelease(uri) ?? DEFAULT_KERNEL;
  }

  close(uri: string): void {
    this.#entries.get(uri)?.analyzer.dispose();
    this.#entries.delete(uri);
  }

  /** Forgets what was read from the disk, and with it every report. */
  invalidate(): void {
    this.#releases = new Map();
    this.#roots = new Map();
    this.#configs.forget();
    this.headerChanged();
  }

  /** Forgets one header, or all of them, and with them every report: any may depend on it. */
  headerChanged(uri?: string): void {
    this.#headers.forget(uri === undefined ? undefined : fileOf(uri));
    this.#epoch++;
    for (const entry of this.#entries.values()) {
      delete entry.current;
      delete entry.pending;
    }
  }

  #entry(uri: string): Entry {
    let entry = this.#entries.get(uri);
    if (entry === undefined) {
      entry = { analyzer: this.#analyzer.forDocument(), tooLarge: false };
      this.#entries.set(uri, entry);
    }
    return entry;
  }

  *#lint(analyzer: DocumentAnalyzer, uri: string, text: string, settings: Settings): Slices<FileReport> {
    const kernel = this.kernelOf(uri, settings);
    const name = nameOf(uri);
    const options = this.#optionsFor(uri, settings);
    if (!this.#isOfInterest(uri, text, options)) {
      return {
        path: name,
        text,
        kernel: formatKernelVersion(kernel),
        findings: [],
        functions: 0,
        partlyRead: [],
        problems: [],
      };
    }
    return yield* lintSlices(analyzer, name, text, options);
  }

  #isOfInterest(uri: string, text: string, { project }: LintOptions): boolean {
    const config = this.#configOf(uri);
    const file = fileOf(uri);
    if (config !== undefined && file !== undefined && isExcluded(config, file)) return false;
    if (PROTOCOL_WORDS.some((word) => text.includes(word))) return true;
    const names = config === undefined ? [] : acquiringIn(config);
    if (names.length > 0 && wordPattern(names).test(text)) return true;
    const { readHeader } = project ?? {};
    return readHeader !== undefined && this.#headers.callsWrapper(nameOf(uri), text, readHeader);
  }

  #optionsFor(uri: string, settings: Settings): LintOptions {
    const kernel = this.kernelOf(uri, settings);
    const config = this.#configOf(uri);
    const project = this.#projectOf(uri, kernel, config);
    return {
      kernel,
      explanations: true,
      levels: { ...config?.rules, ...settings.rules },
      ...(project !== undefined && { project }),
    };
  }

  #projectOf(
    uri: string,
    kernel: KernelVersion,
    config: LoadedConfig | undefined,
  ): ProjectContext | undefined {
    const place = this.#placeOf(uri);
    if (place === undefined) return undefined;
    const declared = config && declaredBy(config, kernel);
    return {
      readHeader: this.#headers.readerFor(nameOf(uri), place.file, place.root),
      ...(declared !== undefined && { declared }),
    };
  }

  #configOf(uri: string): LoadedConfig | undefined {
    const place = this.#placeOf(uri);
    return place && this.#configs.of(place.folder, place.root);
  }

  /** Where a document is in the file system, and the root of its project. */
  #placeOf(uri: string): { file: string; folder: string; root: string } | undefined {
    const file = fileOf(uri);
    if (file === undefined) return undefined;
    const folder = path.dirname(file);
    const around = this.#surroundings.folders.filter((each) => !path.relative(each, file).startsWith('..'));
    const within = around.sort((a, b) => a.length - b.length)[0] ?? folder;
    return { file, folder, root: projectRoot(folder, within, this.#roots) };
  }

  #treeRelease(uri: string): KernelVersion | undefined {
    const file = fileOf(uri);
    return file === undefined ? undefined : treeRelease(path.dirname(file), this.#releases);
  }
}

/** The path behind a URI, where it is one of the file system. */
export function fileOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

/** The last part of a URI, for people. */
export function nameOf(uri: string): string {
  const last =
    uri
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) ?? uri;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
