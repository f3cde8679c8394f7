/** Applies the rules to one file. */
import {
  analyzeFlow,
  DEFAULT_FLOW,
  type FlowExports,
  type FlowOptions,
  type FunctionFlow,
} from '../flow/file.ts';
import type { PairInfo } from '../flow/held/pairs.ts';
import type { Parser } from '../syntax/parser.ts';
import { headerName } from '../syntax/preprocess/headers.ts';
import type { SourceFile } from '../syntax/source.ts';
import { DOUBT, type Finding, LEVELS } from './finding.ts';
import { RULES } from './index.ts';
import { AnalysisMemo } from './memo.ts';
import type { Rule, RuleContext } from './rule.ts';

/** A rule that threw, a run that was cut short, or configurations that were left out: never silent. */
export interface AnalysisProblem {
  readonly kind: 'rule-threw' | 'budget' | 'configurations';
  readonly message: string;
}

export interface FileAnalysis {
  readonly findings: readonly Finding[];
  /** What is only to be said if the other files of the folder do not release the pages. */
  readonly suspects: readonly Finding[];
  /** Functions that were analysed. */
  readonly functions: number;
  readonly partlyRead: readonly string[];
  readonly problems: readonly AnalysisProblem[];
  readonly exports: FlowExports;
  readonly roots?: FlowOptions['roots'];
}

/**
 * All findings of a file, by position. Never throws: a rule that does is reported as a problem. `memo` is what the
 * analysis of an earlier version of the file left, with the same rules and options.
 */
export function analyzeFile(
  source: SourceFile,
  parser: Parser,
  rules: readonly Rule[] = RULES,
  options: FlowOptions = DEFAULT_FLOW,
  memo: AnalysisMemo = new AnalysisMemo(),
): FileAnalysis {
  memo.begin(source);
  const flow = analyzeFlow(source, parser, options, memo.flow);
  const found: Finding[] = [];
  const problems: AnalysisProblem[] = [];
  for (const fn of flow.functions) {
    if (fn.cut)
      problems.push({
        kind: 'budget',
        message:
          fn.pair === undefined
            ? `${fn.name}(): too many paths, not all were followed to their end`
            : `${fn.name}(): too many paths through the functions that use its pages later`,
      });
    if (fn.remembered) {
      found.push(...memo.recall(fn.identity, source));
      continue;
    }
    const before = problems.length;
    const asked = new Set<RegExp>();
    const mentions = (pattern: RegExp): boolean => {
      asked.add(pattern);
      return memo.mentions(pattern);
    };
    const context = { text: source.text, code: source.code, kernel: source.kernel, mentions };
    const made = rules.flatMap((rule) => checkSafely(rule, fn, context, problems));
    const findings = made.map((finding) => namingWrapper(finding, source));
    found.push(...findings);
    // What threw is to be reported for the next version as well.
    if (problems.length === before) memo.keep(fn.identity, findings, asked, source);
    else memo.flow.forget(fn.identity);
  }
  const said = found.filter((f) => !isSuspect(f));
  if (options.join === undefined)
    for (const rule of rules) said.push(...checkFileSafely(rule, source, [...said], problems));
  const suspects = onePerCause(distinct([...said, ...found.filter(isSuspect)]), rules).filter(isSuspect);
  const findings = saidOnce(onePerCause(distinct(said), rules));
  findings.sort((a, b) => a.range.start - b.range.start || a.code.localeCompare(b.code));
  const { analysed, partlyRead, exports, roots } = flow;
  return { findings, suspects, functions: analysed.length, partlyRead, problems, exports, roots };
}

/** Whether other files of the folder are to be asked before it is said. */
function isSuspect({ unlessElsewhere }: Finding): boolean {
  return unlessElsewhere !== undefined;
}

function checkFileSafely(
  rule: Rule,
  source: SourceFile,
  found: readonly Finding[],
  problems: AnalysisProblem[],
): readonly Finding[] {
  try {
    return rule.checkFile?.(source, found) ?? [];
  } catch (error) {
    problems.push({ kind: 'rule-threw', message: `${rule.code} failed: ${whyOf(error)}` });
    return [];
  }
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkSafely(
  rule: Rule,
  fn: FunctionFlow,
  context: RuleContext,
  problems: AnalysisProblem[],
): readonly Finding[] {
  if (fn.pair !== undefined && !rule.pairs) return [];
  try {
    const findings = rule.check(fn, context);
    return fn.pair === undefined ? findings : findings.map((f) => acrossEntryPoints(f, rule, fn.pair!));
  } catch (error) {
    problems.push({ kind: 'rule-threw', message: `${rule.code} failed in ${fn.name}(): ${whyOf(error)}` });
    return [];
  }
}

/** Says which macro, or function of a header, a call comes from: the text at its place does not show it. */
function namingWrapper(finding: Finding, source: SourceFile): Finding {
  const here = wrapperAt(source, finding.range.start);
  const wrapper = here ?? wrapperAt(source, finding.site.range.start);
  if (wrapper === undefined) return finding;
  const what = here === undefined ? `${finding.api}() is called by` : 'This comes from';
  return { ...finding, message: `${finding.message} ${what} ${wrapper.what}.`, wrapper: wrapper.name };
}

function wrapperAt(source: SourceFile, start: number): { name: string; what: string } | undefined {
  const macro = source.macroUseAt({ start, end: start })?.name;
  if (macro !== undefined) return { name: macro, what: `the macro ${macro}` };
  if (source.inlines.size === 0) return undefined;
  const name = /\w*/y;
  name.lastIndex = start;
  const inline = source.inlines.get(name.exec(source.code)![0]);
  if (inline === undefined) return undefined;
  const by = inline.declared === true ? ', as it is described in' : ' of';
  return { name: inline.name, what: `${inline.name}()${by} ${headerName(inline.header)}` };
}

/**
 * That two entry points work on the same object is one assumption; what a rule says at warning level stands on it where
 * the structure's type is known on both sides.
 */
function acrossEntryPoints(f: Finding, rule: Rule, pair: PairInfo): Finding {
  const typed = pair.typed.length === pair.consumers.length || pair.typed.includes(f.function);
  if (f.certainty !== 'certain' || (typed && rule.defaultLevel !== 'error')) return f;
  return { ...f, certainty: 'likely' };
}

/** A helper is run once per caller: what is said of the same place with the same code is said once, as surely as it can be. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  const siteOf = (f: Finding): string => `${f.code}|${f.site.range.start}`;
  const evident = new Set(findings.filter((f) => f.surmised !== true).map(siteOf));
  for (const f of findings) {
    if (f.surmised && evident.has(siteOf(f))) continue;
    const key = `${f.code}|${f.range.start}|${f.site.range.start}`;
    const known = seen.get(key);
    if (known === undefined || (known.certainty === 'possible' && f.certainty !== 'possible'))
      seen.set(key, f);
  }
  return [...seen.values()];
}

/** What is said in the same words of one place, for pages that several calls acquire, is said once and names all of these. */
function saidOnce(findings: readonly Finding[]): Finding[] {
  const said = new Map<string, Finding>();
  for (const f of findings) {
    const key = `${f.code}|${f.range.start}|${f.message}`;
    const known = said.get(key);
    const [first, other] = known && DOUBT[known.certainty] <= DOUBT[f.certainty] ? [known, f] : [f, known];
    const more = (other?.related ?? []).filter(
      ({ range, message }) =>
        !first.related.some((r) => r.range.start === range.start && r.message === message),
    );
    said.set(key, more.length === 0 ? first : { ...first, related: [...first.related, ...more] });
  }
  return [...said.values()];
}

/** Codes of calls that the kernel refuses: nothing is acquired, so nothing else can be said of the pages. */
const REFUSED = ['GUP101', 'GUP102', 'GUP103', 'GUP104', 'GUP106', 'GUP110'] as const;

/** Codes that ask for another way to write the data: what it flushes is seen then. */
const WRITES = ['GUP201', 'GUP202', 'GUP203', 'GUP207', 'GUP308', 'GUP309', 'GUP601'] as const;

/** Codes that explain away a weaker one on the same acquiring call. */
const PRECEDENCE: Readonly<Record<string, readonly string[]>> = {
  GUP102: ['GUP101'],
  GUP103: ['GUP101'],
  GUP104: ['GUP101', 'GUP102', 'GUP103'],
  GUP105: ['GUP101'],
  GUP106: ['GUP101', 'GUP103'],
  GUP107: [...REFUSED, 'GUP105', 'GUP112'],
  GUP201: [...REFUSED, 'GUP202', 'GUP203', 'GUP601'],
  GUP202: [...REFUSED, 'GUP203', 'GUP601'],
  GUP203: [...REFUSED, 'GUP601'],
  GUP204: REFUSED,
  GUP301: [...REFUSED, 'GUP602'],
  GUP302: REFUSED,
  GUP303: [...REFUSED, 'GUP301', 'GUP302'],
  GUP304: [...REFUSED, 'GUP301', 'GUP302'],
  GUP207: REFUSED,
  GUP305: [...REFUSED, 'GUP402'],
  GUP306: [...REFUSED, 'GUP301', 'GUP302'],
  GUP307: REFUSED,
  GUP308: [...REFUSED, 'GUP201', 'GUP309'],
  GUP309: REFUSED,
  GUP310: [...REFUSED, 'GUP309', 'GUP312'],
  GUP311: REFUSED,
  GUP312: [...REFUSED, 'GUP207'],
  GUP313: [...REFUSED, 'GUP203', 'GUP204', 'GUP303', 'GUP304'],
  GUP314: [...REFUSED, ...WRITES, 'GUP301', 'GUP302', 'GUP307', 'GUP401'],
  GUP401: [...REFUSED, 'GUP305'],
  GUP402: REFUSED,
  GUP403: [...REFUSED, 'GUP402'],
};

/** Whether a finding of one code, on the same call, hides one of another: the second comes to light when the first goes. */
export function hides(code: string, other: string): boolean {
  return PRECEDENCE[other]?.includes(code) === true;
}

/** What pages of an iterator are for is unsure whatever is said of them. */
const OF_ITERATORS: ReadonlySet<string> = new Set(['GUP601', 'GUP602']);

/** A note hides notes only: what is weaker than what it hides explains nothing away. */
function onePerCause(findings: readonly Finding[], rules: readonly Rule[]): Finding[] {
  const levels = new Map(rules.map((rule) => [rule.code, LEVELS.indexOf(rule.defaultLevel)]));
  const isNote = ({ code, certainty }: Finding): boolean =>
    !OF_ITERATORS.has(code) && (levels.get(code) ?? 0) + DOUBT[certainty] >= LEVELS.length - 1;
  const at = new Map<number, Map<string, boolean>>();
  for (const f of findings) {
    const codes = at.get(f.site.range.start) ?? new Map<string, boolean>();
    at.set(f.site.range.start, codes.set(f.code, isNote(f) && codes.get(f.code) !== false));
  }
  return findings.filter((f) => {
    const codes = at.get(f.site.range.start)!;
    // A form of another release says nothing against what is sure on every release.
    const hide = (code: string): boolean =>
      codes.get(code) === false ? code !== 'GUP105' || isNote(f) : codes.get(code) === true && isNote(f);
    return !PRECEDENCE[f.code]?.some(hide);
  });
}
