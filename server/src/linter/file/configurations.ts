/**
 * A file in all its configurations: the chosen one, and those in which other branches around page pinning are read. What
 * is found only in such a branch says in which configuration it holds.
 */
import type { AnalysisProblem, FileAnalysis } from '../../rules/analyze.ts';
import type { Finding } from '../../rules/finding.ts';
import { MAX_VARIANTS, type Variant } from '../../syntax/preprocess/variants.ts';
import { compareKernelVersions, type KernelVersion } from '../../syntax/preprocess/version.ts';
import type { SourceFile } from '../../syntax/source.ts';

/** Releases whose functions take other arguments: tried where a branch does not fit the release that it is judged by. */
const OLDER: readonly KernelVersion[] = [
  { major: 6, minor: 4, patch: 0 },
  { major: 5, minor: 8, patch: 0 },
  { major: 5, minor: 5, patch: 0 },
  { major: 4, minor: 8, patch: 0 },
  { major: 4, minor: 5, patch: 0 },
];

/** How the configurations of one file are opened and analysed. */
export interface ConfigurationSteps {
  readonly open: (variant: Variant) => SourceFile;
  readonly analyze: (source: SourceFile, label: string) => FileAnalysis;
}

/** The analysis of the chosen configuration, with what the others add. */
export function inAllConfigurations(
  chosen: SourceFile,
  analysis: FileAnalysis,
  { variants, capped }: { readonly variants: readonly Variant[]; readonly capped: boolean },
  steps: ConfigurationSteps,
): FileAnalysis {
  let findings = [...analysis.findings];
  const problems = [...analysis.problems];
  const seen = new Set(findings.map(keyOf));
  for (const variant of variants) {
    const { source, found } = analyzed(chosen, variant, steps);
    if (found === undefined) continue;
    findings = findings.filter((each) => !isFormOfOther(each, variant) || !isLeftOut(each, source));
    const concerned = concernedBy(chosen, source);
    for (const finding of found.findings) {
      if (isFormOfOther(finding, variant)) continue;
      if (seen.has(keyOf(finding)) || !isConcerned(finding, concerned, chosen, source)) continue;
      if (isLeftOut(finding.site, chosen) && findings.some((known) => isTwin(known, finding))) continue;
      seen.add(keyOf(finding));
      findings.push({
        ...finding,
        certainty: isSettled(finding, chosen, source) ? 'possible' : finding.certainty,
        message: `${finding.message} This holds ${variant.when}.`,
        configuration: variant.when,
      });
    }
    problems.push(...found.problems.map((problem) => in_(problem, variant)));
  }
  if (capped) {
    const message = `more than ${MAX_VARIANTS} other configurations have page pinning in them: the first ${MAX_VARIANTS} were analysed`;
    problems.push({ kind: 'configurations', message });
  }
  findings.sort((a, b) => a.range.start - b.range.start || a.code.localeCompare(b.code));
  return { ...analysis, findings, problems };
}

/** Which of two forms is compiled, a test of the build decides: a form of another release is no mistake there. */
function isFormOfOther({ code }: Finding, { name }: Variant): boolean {
  return name !== undefined && code === 'GUP105';
}

function in_(problem: AnalysisProblem, { when }: Variant): AnalysisProblem {
  return { ...problem, message: `${problem.message} (${when})` };
}

/**
 * A variant's analysis; none where it changes no function. A name says nothing of a release, and a branch may be for
 * older releases than the first that reads it: the newest release that has all that the branch calls is taken.
 */
function analyzed(
  chosen: SourceFile,
  variant: Variant,
  { open, analyze }: ConfigurationSteps,
): { source: SourceFile; found?: FileAnalysis } {
  const source = open(variant);
  if (concernedBy(chosen, source).size === 0) return { source };
  const found = analyze(source, variant.when);
  if (!isOutdated(found, chosen)) return { source, found };
  for (const kernelVersion of OLDER) {
    if (compareKernelVersions(kernelVersion, source.kernel) >= 0) continue;
    const older = open({ ...variant, kernelVersion });
    if (concernedBy(source, older).size > 0) continue;
    const again = analyze(older, `${variant.when} ${kernelVersion.major}.${kernelVersion.minor}`);
    if (!isOutdated(again, chosen)) return { source: older, found: again };
  }
  return { source, found };
}

/** Whether a branch that the chosen configuration leaves out calls what the kernel does not have. */
function isOutdated({ findings }: FileAnalysis, chosen: SourceFile): boolean {
  return findings.some((finding) => finding.code === 'GUP105' && isLeftOut(finding, chosen));
}

/** The same mistake after another arm of a ladder: reported at the same place, or the paths end at the same place. */
function isTwin(known: Finding, finding: Finding): boolean {
  if (known.code !== finding.code || known.function !== finding.function) return false;
  const [first] = known.related;
  const [again] = finding.related;
  return (
    known.range.start === finding.range.start ||
    (first !== undefined && first.range.start === again?.range.start)
  );
}

/** Whether a configuration does not read what begins at a place: a call may begin in a branch and end behind it. */
function isLeftOut({ range }: Pick<Finding, 'range'>, { code }: SourceFile): boolean {
  return code.slice(range.start, range.start + 1).trim() === '';
}

/** Functions that are other code in the variant, and those that call them, directly or not. */
function concernedBy(chosen: SourceFile, variant: SourceFile): Set<string> {
  const before = new Map(chosen.functions.map(({ name }, index) => [name, chosen.expandedCode(index)]));
  const concerned = new Set<string>();
  const bodies = new Map<string, string>();
  variant.functions.forEach(({ name }, index) => {
    const code = variant.expandedCode(index);
    bodies.set(name, code);
    if (before.get(name) !== code) concerned.add(name);
  });
  for (const [name, { code }] of variant.inlines) {
    bodies.set(name, code);
    if (chosen.inlines.get(name)?.code !== code) concerned.add(name);
  }
  for (let grew = concerned.size > 0; grew; ) {
    grew = false;
    const calls = new RegExp(`\\b(?:${[...concerned].join('|')})\\s*\\(`);
    for (const [name, code] of bodies) {
      if (concerned.has(name) || !calls.test(code)) continue;
      concerned.add(name);
      grew = true;
    }
  }
  return concerned;
}

/** Whether a finding is about what the variant changes, and not about code that the chosen release is judged by. */
function isConcerned(
  finding: Finding,
  concerned: ReadonlySet<string>,
  chosen: SourceFile,
  source: SourceFile,
): boolean {
  if (finding.code === 'GUP105' && !isLeftOut(finding, chosen)) return false;
  // A branch for older releases may be for those that had a truth value there, too.
  if (finding.code === 'GUP109' && compareKernelVersions(source.kernel, chosen.kernel) < 0) return false;
  const places = [
    finding.range,
    finding.site.range,
    ...(finding.witness?.steps.map(({ range }) => range) ?? []),
  ];
  return places.some(({ start }) => concerned.has(source.functions[source.functionAt(start)]?.name ?? ''));
}

/** Codes that ask for pin_user_pages*() or its flags instead of what stands there. */
const CHOICES: ReadonlySet<string> = new Set(['GUP201', 'GUP202', 'GUP203', 'GUP204', 'GUP601']);

/**
 * Whether the author made another choice on the chosen release, where nothing is said: the branch for older releases
 * stands for what was there before.
 */
function isSettled({ code }: Finding, chosen: SourceFile, source: SourceFile): boolean {
  return CHOICES.has(code) && compareKernelVersions(source.kernel, chosen.kernel) < 0;
}

function keyOf({ code, range, site }: Finding): string {
  return `${code} ${range.start} ${site.range.start}`;
}
