/** The real analysis behind the seam: parser, rules and engine. */
import { Explainer, finalLevel } from '../../explain/index.ts';
import { recheck } from '../../explain/recheck.ts';
import { proposeFixes } from '../../fix/index.ts';
import { DEFAULT_FLOW } from '../../flow/file.ts';
import { fitOf } from '../../flow/kernel/fit.ts';
import { isMeaningful } from '../../flow/kernel/meaning.ts';
import { lifeOf } from '../../flow/kernel/symbols.ts';
import { analyzeFile, type FileAnalysis } from '../../rules/analyze.ts';
import { RULES } from '../../rules/index.ts';
import { AnalysisMemo } from '../../rules/memo.ts';
import { pathsOf } from '../../rules/paths.ts';
import type { Rule } from '../../rules/rule.ts';
import { IncrementalParser } from '../../syntax/incremental.ts';
import { createParser, type Parser, type ParserOptions } from '../../syntax/parser.ts';
import { variantsOf, withVariant } from '../../syntax/preprocess/variants.ts';
import {
  compareKernelVersions,
  type KernelVersion,
  parseKernelVersion,
} from '../../syntax/preprocess/version.ts';
import { openSource, type SourceFile, type SourceOptions } from '../../syntax/source.ts';
import { PROTOCOL_WORDS } from '../input/interest.ts';
import type { Analyzer, DocumentAnalyzer, EditorAnalyzer, ProjectContext } from './analyzer.ts';
import { inAllConfigurations } from './configurations.ts';

/** Where nothing decides an `#if`, the branch that pins pages is the one to read. */
const prefer = new RegExp(PROTOCOL_WORDS.join('|'));

/** Headers without any of these have neither wrappers nor macros to see through. */
const headerMatters = new RegExp(
  `${prefer.source}|put_page|page_cache_release|release_pages|folio_put|set_page_dirty|\\bkmap|FOLL_|\\bgoto\\b`,
);

/** An `#if` around any of these is worth reading in all its branches. */
const wanted = new RegExp(`${prefer.source}|put_page|release_pages|folio_put|set_page_dirty|FOLL_`);

function optionsOf(kernel: KernelVersion, { readHeader, declared }: ProjectContext = {}): SourceOptions {
  return {
    kernelVersion: kernel,
    prefer,
    lifeOf,
    fitOf,
    means: isMeaningful,
    ...(readHeader !== undefined && { readHeader, headerMatters }),
    ...(declared !== undefined && { declared }),
  };
}

function open(path: string, text: string, kernel: KernelVersion, project?: ProjectContext): SourceFile {
  return openSource(path, text, optionsOf(kernel, project));
}

/** Analyses a file in all its configurations. `memoOf` gives the memory for one of them. */
function analyzeAll(
  path: string,
  text: string,
  options: SourceOptions,
  parser: Parser,
  memoOf: (label: string) => AnalysisMemo | undefined = () => undefined,
  opened: (source: SourceFile) => void = () => undefined,
): FileAnalysis {
  const analyze = (source: SourceFile, label: string): FileAnalysis =>
    analyzeFile(source, parser, rulesFor(source.kernel), undefined, memoOf(label));
  const source = openSource(path, text, options);
  opened(source);
  const analysis = analyze(source, '');
  // Where no page is acquired, a branch matters only if it acquires one.
  const words = analysis.functions === 0 ? prefer : wanted;
  const inFunction = (offset: number): boolean => source.functionAt(offset) >= 0;
  const variants = variantsOf(source.allConditionals, options, words, inFunction);
  return inAllConfigurations(source, analysis, variants, {
    open: (variant) => openSource(path, text, { ...options, ...withVariant(options, variant), near: source }),
    analyze,
  });
}

/** The analyzer with all rules. */
export async function createAnalyzer(options: ParserOptions = {}): Promise<EditorAnalyzer> {
  const parser = await createParser(options);
  const explainer = new Explainer();
  /** Of the last file that was analysed: with others behind it, it is a later version of itself. */
  let last: { path: string; memo: AnalysisMemo; roots: FileAnalysis['roots'] } | undefined;
  const analyzer: Analyzer = {
    rules: RULES,
    analyze(path, text, kernel, project) {
      const memo = new AnalysisMemo();
      const analysis = analyzeAll(path, text, optionsOf(kernel, project), parser, (label) =>
        label === '' ? memo : undefined,
      );
      last = { path, memo, roots: analysis.roots };
      return analysis;
    },
    analyzeJoined(path, text, kernel, join, project) {
      const source = open(path, text, kernel, project);
      const { memo, roots } = (last?.path === path ? last : undefined) ?? {};
      last = undefined;
      const options = { ...DEFAULT_FLOW, join, ...(roots !== undefined && { roots }) };
      return analyzeFile(source, parser, rulesFor(kernel), options, memo).findings;
    },
    explain: (finding, options) => explainer.explain(finding, ruleOf(finding.code), options),
    finalLevel,
  };
  return {
    ...analyzer,
    forDocument: () => documentAnalyzer(analyzer, parser),
    proposeFixes(finding, path, text, kernel, project) {
      const reopen = (changed: string) => open(path, changed, kernel, project);
      return proposeFixes(finding, { file: reopen(text), kernel, parser, reopen });
    },
    recheck(finding, path, text, kernel, acquire, project) {
      const { run } = ruleOf(finding.code);
      const file = open(path, text, kernel, project);
      const { witnesses, leaves } = pathsOf(file, parser, acquire);
      return {
        ...(run === undefined ? { proved: true } : recheck(witnesses, run, finding)),
        ...(leaves !== undefined && { leaves }),
      };
    },
  };
}

/** Remembers the last version that it analysed. */
function documentAnalyzer(analyzer: Analyzer, parser: Parser): DocumentAnalyzer {
  const incremental = new IncrementalParser(parser);
  let memos = new Map<string, AnalysisMemo>();
  let kernelBefore: KernelVersion | undefined;
  let near: SourceFile | undefined;
  return {
    ...analyzer,
    analyze(path, text, kernel, project) {
      // Which rules apply, and which branches of an #if are read, depends on the release.
      const known =
        kernelBefore !== undefined && compareKernelVersions(kernel, kernelBefore) === 0 ? memos : new Map();
      kernelBefore = kernel;
      memos = new Map();
      const memoOf = (label: string): AnalysisMemo => {
        const memo = known.get(label) ?? new AnalysisMemo();
        memos.set(label, memo);
        return memo;
      };
      const options = { ...optionsOf(kernel, project), ...(near !== undefined && { near }) };
      const analysis = analyzeAll(path, text, options, incremental, memoOf, (source) => {
        near = source;
      });
      incremental.sweep();
      return analysis;
    },
    dispose() {
      incremental.dispose();
      memos = new Map();
      near = undefined;
    },
  };
}

function rulesFor(kernel: KernelVersion): Rule[] {
  return RULES.filter((rule) => appliesTo(rule, kernel));
}

function ruleOf(code: string): Rule {
  const rule = RULES.find((each) => each.code === code);
  if (rule === undefined) throw new Error(`no rule has the code ${code}`);
  return rule;
}

/** Whether a rule is about this kernel release: `since` and `until` are both included. */
function appliesTo(rule: Rule, kernel: KernelVersion): boolean {
  const bound = (text: string | undefined) => (text === undefined ? undefined : parseKernelVersion(text));
  const release = { ...kernel, patch: 0 };
  const since = bound(rule.since);
  const until = bound(rule.until);
  return (
    (since === undefined || compareKernelVersions(release, since) >= 0) &&
    (until === undefined || compareKernelVersions(release, until) <= 0)
  );
}
