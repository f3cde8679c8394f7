/**
 * Pages that one file acquires and another file of the same folder uses or releases. The files are read as one text, one
 * behind the other, so that the analysis of entry points that share a structure holds across them as well.
 */
import path from 'node:path';
import { finish } from '#engine/explore/slices.ts';
import type { FlowJoin } from '../../flow/file.ts';
import type { Finding } from '../../rules/finding.ts';
import { LineIndex } from '../../syntax/lines.ts';
import type { OtherFile, Range } from '../../syntax/range.ts';
import type { Analyzer } from '../file/analyzer.ts';
import { fingerprints } from '../file/fingerprint.ts';
import { withPlaces } from '../file/places.ts';
import type { FileReport, ReportedFinding } from '../file/report.ts';
import type { LintOptions } from '../file/service.ts';
import { isReleasedElsewhere } from './elsewhere.ts';
import { inCaller } from './in-caller.ts';
import type { Siblings } from './siblings.ts';

/** Where a file's text starts in the joined text. */
interface Part {
  readonly file: OtherFile;
  readonly from: number;
}

/**
 * Adds to a file's report what is found about its pages in the other files of its folder: `elsewhere` has the findings
 * whose place is in one of those. Paths that were looked at are added to `looked`.
 */
export function joinSiblings(
  analyzer: Analyzer,
  report: FileReport,
  file: string,
  text: string,
  options: LintOptions,
  others: Siblings,
  looked: Set<string>,
): FileReport {
  const { suspects = [], ...alone } = report;
  const { exports } = alone;
  const lost = suspects.filter((f) => !isReleasedElsewhere(file, f.unlessElsewhere!, others, looked));
  const own = [{ file: { path: report.path, text }, from: 0 }];
  const known = withFindings(analyzer, alone, lost, own, options);
  if (analyzer.analyzeJoined === undefined || exports === undefined || !file.endsWith('.c')) return known;
  if (exports.functions.length + exports.held.length + exports.lasting.length === 0) return known;
  const siblings = others.of(report.path, file, exports, looked);
  if (siblings.length === 0) return known;
  const parts: Part[] = [{ file: { path: report.path, text }, from: 0 }];
  let joined = text;
  for (const { file: sibling } of siblings) {
    joined += '\n';
    parts.push({ file: sibling, from: joined.length });
    joined += sibling.text;
  }
  const join: FlowJoin = {
    at: parts[1]!.from,
    functions: [...new Set(siblings.flatMap((s) => s.functions))],
    handsOver: exports.handsOver,
    held: exports.held.filter((h) => siblings.some((s) => s.held.includes(h))),
    lasting: exports.lasting,
  };
  try {
    const whole = { text: joined, at: join.at, functions: join.functions, path: report.path };
    const found = analyzer
      .analyzeJoined(report.path, joined, options.kernel, join, options.project)
      .flatMap((finding) => inCaller(finding, whole) ?? (isNew(finding, join, known) ? finding : []));
    return withFindings(analyzer, known, found, parts, options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the analysis with the other files of the folder failed: ${why}`;
    return { ...known, problems: [...known.problems, { kind: 'analysis-threw', message }] };
  }
}

/**
 * Concerns both the file and another one through a structure or since the other one decides how long pages are held,
 * and is not known of the file alone.
 */
function isNew(
  { code, site, range, related, witness }: Finding,
  { at, lasting }: FlowJoin,
  report: FileReport,
): boolean {
  const steps = witness?.steps ?? [];
  const isElsewhere = (r: Range): boolean => r.start >= at;
  const isDecidedElsewhere = lasting.some(({ producer }) => producer === site.function);
  return (
    !isElsewhere(site.range) &&
    ([{ range }, ...related, ...steps].some((each) => isElsewhere(each.range)) || isDecidedElsewhere) &&
    !report.findings.some((f) => f.code === code && f.site.range.start === site.range.start)
  );
}

function withFindings(
  analyzer: Analyzer,
  report: FileReport,
  found: readonly Finding[],
  parts: readonly Part[],
  { levels, explanations }: LintOptions,
): FileReport {
  const kept = found.filter(({ code }) => levels[code] !== 'off');
  if (kept.length === 0) return report;
  const lines = new Map<Part, LineIndex>();
  const place = (range: Range): string => {
    const part = partOf(parts, range);
    const index = lines.get(part) ?? new LineIndex(part.file.text);
    lines.set(part, index);
    return `line ${index.lineOf(range.start - part.from)} of ${path.posix.basename(part.file.path)}`;
  };
  const identities = fingerprints(kept);
  const own: ReportedFinding[] = [];
  const elsewhere = new Map<OtherFile, ReportedFinding[]>();
  for (const [index, finding] of kept.entries()) {
    const explanation = explanations ? finish(analyzer.explain(finding, { place })) : undefined;
    const rule = analyzer.rules.find(({ code }) => code === finding.code);
    const base = levels[finding.code] ?? rule?.defaultLevel ?? 'warning';
    const home = partOf(parts, finding.range);
    const reported = inFiles(
      {
        ...finding,
        joined: true,
        level: base === 'off' ? 'note' : analyzer.finalLevel(finding, base, explanation),
        fingerprint: identities[index]!,
        ...(explanation !== undefined && { explanation }),
      },
      parts,
      home,
    );
    if (home === parts[0]) own.push(reported);
    else elsewhere.set(home.file, [...(elsewhere.get(home.file) ?? []), reported]);
  }
  return {
    ...report,
    findings: [...report.findings, ...own].sort((a, b) => a.range.start - b.range.start),
    elsewhere: [...elsewhere].map(([{ path: shown, text }, findings]) => ({ path: shown, text, findings })),
  };
}

function partOf(parts: readonly Part[], range: Range): Part {
  return parts.findLast(({ from }) => from <= range.start)!;
}

/** Places in the joined text become places of the file that the finding is in, or of another one. */
function inFiles(finding: ReportedFinding, parts: readonly Part[], home: Part): ReportedFinding {
  const move = (range: Range): Range => {
    const part = partOf(parts, range);
    const moved = { start: range.start - part.from, end: range.end - part.from };
    return part === home ? moved : { ...moved, file: part.file };
  };
  return withPlaces(finding, move);
}

/** Gives findings to the reports of the files that they are in; a file without a report gets one. */
export function distributed(reports: readonly FileReport[]): FileReport[] {
  const byPath = new Map<string, FileReport>();
  for (const { elsewhere: _elsewhere, exports: _exports, ...report } of reports)
    byPath.set(report.path, report);
  for (const { elsewhere = [], kernel } of [...reports].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    for (const { path: shown, text, findings } of elsewhere) {
      const there = byPath.get(shown);
      const before = there?.findings ?? [];
      const known = new Set(before.map((f) => `${f.code} ${f.range.start}`));
      const added = findings.filter((f) => !known.has(`${f.code} ${f.range.start}`));
      const all = [...before, ...added].sort((a, b) => a.range.start - b.range.start);
      const none = { path: shown, kernel, functions: 0, partlyRead: [], problems: [] };
      byPath.set(shown, { ...(there ?? none), text, findings: all });
    }
  }
  return [...byPath.values()];
}
