import { type Command, Option } from 'commander';
import type { FileReport, ReportedFinding } from '../../linter/file/report.ts';
import { lintPaths } from '../../linter/run/run.ts';
import { counted } from '../../linter/text/finding.ts';
import { whyText } from '../../linter/text/why.ts';
import { whyMarkdown } from '../../linter/text/why-markdown.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import { type ExitStatus, exitStatus, UserError } from '../failure.ts';
import { linesOf, spanOf } from '../format/output.ts';
import { whyJson } from '../format/why-json.ts';
import { whyLitmus } from '../format/why-litmus.ts';
import type { Host } from '../host.ts';
import { addConfigOptions, configFor, kernelOption } from '../options.ts';

interface WhyFlags {
  readonly format: string;
  readonly kernel?: KernelVersion;
  readonly config?: string | boolean;
}

/** `gupcheck why FILE:LINE[:COLUMN]` */
export function addWhy(program: Command, host: Host, finish: (status: ExitStatus) => void): void {
  const command = program
    .command('why')
    .summary('show step by step what goes wrong at a finding')
    .description(
      'Shows the counterexample of each finding on a line: its steps, their source lines, and the pages after each.',
    )
    .argument('<place>', 'FILE:LINE or FILE:LINE:COLUMN of a finding')
    .addOption(
      new Option('--format <format>', 'output format')
        .choices(['text', 'json', 'litmus', 'markdown'])
        .default('text'),
    )
    .addOption(kernelOption())
    .action(async (place: string, flags: WhyFlags) => {
      host.print(await why(place, flags, host));
      finish(exitStatus.clean);
    });
  addConfigOptions(command);
}

async function why(place: string, flags: WhyFlags, host: Host): Promise<string> {
  const parsed = /^(.+?):(\d+)(?::(\d+))?$/.exec(place);
  if (parsed === null) throw new UserError(place, 'not a place', 'write FILE:LINE or FILE:LINE:COLUMN');
  const file = parsed[1]!;
  const line = Number(parsed[2]);
  const column = parsed[3] === undefined ? undefined : Number(parsed[3]);
  const { reports, problems } = await lintPaths(host.analyzer, [file], host.cwd, {
    explanations: true,
    levels: {},
    ...configFor(flags.config, host.cwd),
    ...(flags.kernel !== undefined && { kernel: flags.kernel }),
  });
  for (const { place: where, what, cure } of problems) throw new UserError(where, what, cure);
  const report = reports.find(({ path }) => reports.length === 1 || path === file);
  if (report === undefined)
    throw new UserError(file, 'does not mention page pinning', 'name a finding of gupcheck lint');
  const lines = linesOf(report);
  const findings = report.findings.filter((finding) => covers(lines, finding, line, column));
  if (findings.length === 0) throw nothingHere(place, report, lines);
  const { rules } = await host.analyzer();
  const nameOf = (finding: ReportedFinding) => rules.find(({ code }) => code === finding.code)?.name ?? '';
  if (flags.format === 'json') {
    const all = findings.map((finding) => whyJson(report, lines, finding, nameOf(finding)));
    return `${JSON.stringify(all, null, 2)}\n`;
  }
  if (flags.format === 'litmus') {
    const tests = findings.flatMap((finding) => whyLitmus(report, lines, finding) ?? []);
    if (tests.length === 0) throw new UserError(place, 'no run belongs to this finding', 'read it as text');
    return tests.join('\n');
  }
  if (flags.format === 'markdown')
    return findings.map((finding) => whyMarkdown(report, lines, finding, nameOf(finding))).join('\n');
  return findings.map((finding) => whyText(report, lines, finding, nameOf(finding), host.style)).join('\n');
}

function covers(
  lines: LineIndex,
  finding: ReportedFinding,
  line: number,
  column: number | undefined,
): boolean {
  const span = spanOf(lines, finding.range);
  if (line < span.line || line > span.endLine) return false;
  if (column === undefined) return true;
  const afterStart = line > span.line || column >= span.column;
  const beforeEnd = line < span.endLine || column <= span.endColumn;
  return afterStart && beforeEnd;
}

function nothingHere(place: string, report: FileReport, lines: LineIndex): UserError {
  const known = [...new Set(report.findings.map(({ range }) => lines.lineOf(range.start)))];
  const cure =
    known.length === 0
      ? 'gupcheck lint finds nothing in this file'
      : `this file has ${counted(report.findings.length, 'finding')}, on line${known.length === 1 ? '' : 's'} ${known.join(', ')}`;
  return new UserError(place, 'no finding here', cure);
}
