/** What the linter says about the open documents: one analyzer and one report each, freed when they are closed. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { DocumentAnalyzer, EditorAnalyzer, ProjectContext } from '../linter/analyzer.ts';
import { type FixVerdict, judge } from '../linter/fixes.ts';
import { Headers } from '../linter/headers.ts';
import { PROTOCOL_WORDS } from '../linter/interest.ts';
import { DEFAULT_KERNEL, treeRelease } from '../linter/kernel-version.ts';
import { projectRoot } from '../linter/project.ts';
import { type FileReport, isFailure, type ReportedFinding } from '../linter/report.ts';
import { type LintOptions, lintText } from '../linter/service.ts';
import { LEVELS } from '../rules/finding.ts';
import { formatKernelVersion, type KernelVersion } from '../syntax/preprocess/version.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';

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
  /** Fixes that were looked for, by fingerprint; null where the rule has none. */
  readonly fixes: Map<string, FixVerdict | null>;
}

interface Entry {
  readonly analyzer: DocumentAnalyzer;
  current?: Current;
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
  #releases = new Map<string, KernelVersion | undefined>();
  #roots = new Map<string, string>();
  #serial = 0;

  constructor(analyzer: EditorAnalyzer, log: Log, surroundings: Surroundings) {
    this.#analyzer = analyzer;
    this.#log = log;
    this.#surroundings = surroundings;
    this.#headers = new Headers(surroundings);
  }

  get analyzer(): EditorAnalyzer {
    return this.#analyzer;
  }

  /** The findings of the document as it is now. Never throws; undefined for what is too large to be analysed. */
  of(document: TextDocument, settings: Settings): Analysed | undefined {
    const entry = this.#entry(document.uri);
    const { current } = entry;
    if (current?.version === document.version && current.settings === settings) return current.analysed;
    const text = document.getText();
    if (text.length > MAX_DOCUMENT) {
      if (!entry.tooLarge) this.#log.warn(`${document.uri}: larger than 2 MB, not analysed`);
      entry.tooLarge = true;
      return undefined;
    }
    entry.tooLarge = false;
    const report = this.#lint(entry.analyzer, document.uri, text, settings);
    for (const problem of report.problems.filter(isFailure)) {
      this.#log.failed(document.uri, problem.stack ?? problem.message);
    }
    const threshold = LEVELS.indexOf(settings.level);
    const findings = report.findings.filter(({ level }) => LEVELS.indexOf(level) <= threshold);
    const analysed = { report, findings, resultId: `${++this.#serial}` };
    entry.current = { version: document.version, settings, analysed, fixes: new Map() };
    return analysed;
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
    return settings.kernel ?? this.#treeRelease(uri) ?? DEFAULT_KERNEL;
  }

  close(uri: string): void {
    this.#entries.get(uri)?.analyzer.dispose();
    this.#entries.delete(uri);
  }

  /** Forgets what was read from the disk, and with it every report. */
  invalidate(): void {
    this.#releases = new Map();
    this.#roots = new Map();
    this.headerChanged();
  }

  /** Forgets one header, or all of them, and with them every report: any may depend on it. */
  headerChanged(uri?: string): void {
    this.#headers.forget(uri === undefined ? undefined : fileOf(uri));
    for (const entry of this.#entries.values()) delete entry.current;
  }

  #entry(uri: string): Entry {
    let entry = this.#entries.get(uri);
    if (entry === undefined) {
      entry = { analyzer: this.#analyzer.forDocument(), tooLarge: false };
      this.#entries.set(uri, entry);
    }
    return entry;
  }

  #lint(analyzer: DocumentAnalyzer, uri: string, text: string, settings: Settings): FileReport {
    const kernel = this.kernelOf(uri, settings);
    const name = nameOf(uri);
    const options = this.#optionsFor(uri, settings);
    if (!this.#isOfInterest(name, text, options)) {
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
    return lintText(analyzer, name, text, options);
  }

  #isOfInterest(name: string, text: string, { project }: LintOptions): boolean {
    if (PROTOCOL_WORDS.some((word) => text.includes(word))) return true;
    return project?.readHeader !== undefined && this.#headers.callsWrapper(name, text, project.readHeader);
  }

  #optionsFor(uri: string, settings: Settings): LintOptions {
    const project = this.#projectOf(uri);
    return {
      kernel: this.kernelOf(uri, settings),
      explanations: true,
      levels: settings.rules,
      ...(project !== undefined && { project }),
    };
  }

  #projectOf(uri: string): ProjectContext | undefined {
    const file = fileOf(uri);
    if (file === undefined) return undefined;
    const folder = path.dirname(file);
    const around = this.#surroundings.folders.filter((each) => !path.relative(each, file).startsWith('..'));
    const within = around.sort((a, b) => a.length - b.length)[0] ?? folder;
    const root = projectRoot(folder, within, this.#roots);
    return { readHeader: this.#headers.readerFor(nameOf(uri), file, root) };
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
