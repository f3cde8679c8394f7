/**
 * Tries every fix: on the rules' test cases and the examples, and, with GUPCHECK_KERNEL=TREE, on every finding in a kernel
 * tree. Each fix is applied to a copy, the copy linted again, and, where the file builds here, both compiled with gcc as
 * the kernel would. Prints what was fixed, refused and broken; exit status 1 when anything is broken.
 *
 *   npm run fixcheck -- [--patches FILE] [--only TEXT]
 *
 * The kernel is prepared once, in GUPCHECK_KERNEL_BUILD or a folder of the cache (x86_64_defconfig, a few drivers more,
 * modules_prepare): gcc, make, flex, bison, bc, libelf-dev and libssl-dev are needed for it. Without them nothing is
 * compiled, and the report says so.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { applyEdits } from '#server/fix/fix.ts';
import { judge } from '#server/linter/apply/fixes.ts';
import { filePatch } from '#server/linter/apply/patch.ts';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { FileReport } from '#server/linter/file/report.ts';
import { type LintOptions, lintText } from '#server/linter/file/service.ts';
import { DEFAULT_KERNEL } from '#server/linter/project/kernel-version.ts';
import { Projects } from '#server/linter/project/project.ts';
import { lintPaths } from '#server/linter/run/run.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { casesOf } from '../test/rules/cases.ts';
import { KernelBuild } from './kernel-build.ts';

const analyzer = await createAnalyzer();
const args = process.argv.slice(2);
const patchFile = optionOf('--patches');
const only = optionOf('--only') ?? '';

interface Tally {
  fixed: number;
  refused: number;
  broken: number;
  compiled: number;
}

const patches: Buffer[] = [];
let failed = false;

const own = tally();
for (const { report, options } of ownTexts()) tryAll(report, options, own, undefined);
print('cases and examples', own);

const tree = process.env.GUPCHECK_KERNEL;
if (tree !== undefined) {
  const build = KernelBuild.of(tree);
  if (build.missing !== undefined) console.log(`nothing is compiled: ${build.missing}`);
  const kernel = tally();
  const run = await lintPaths(async () => analyzer, [tree], tree, { explanations: true, levels: {} });
  const projects = new Projects(tree, { explanations: true, levels: {} });
  for (const report of run.reports) {
    const name = path.relative(tree, path.resolve(tree, report.path));
    if (!name.includes(only)) continue;
    const options = projects.optionsFor(report.path, path.resolve(tree, report.path));
    tryAll({ ...report, path: name }, options, kernel, build);
  }
  print(path.basename(tree), kernel);
}
if (patchFile !== undefined) writeFileSync(patchFile, Buffer.concat(patches));
process.exit(failed ? 1 : 0);

function optionOf(name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

function tally(): Tally {
  return { fixed: 0, refused: 0, broken: 0, compiled: 0 };
}

function print(what: string, { fixed, refused, broken, compiled }: Tally): void {
  console.log(`${what}: ${fixed} fixed (${compiled} of them compiled), ${refused} refused, ${broken} broken`);
}

/** Texts of this repository that have findings. */
function* ownTexts(): Generator<{ report: FileReport; options: LintOptions }> {
  const cases = path.join(process.cwd(), 'test/rules/cases');
  const texts = readdirSync(cases).flatMap((file) =>
    casesOf(path.join(cases, file)).map((each) => ({
      name: `${file}: ${each.title}`,
      text: each.code,
      kernel: each.kernel,
    })),
  );
  const examples = path.join(process.cwd(), 'examples/bad');
  for (const name of readdirSync(examples))
    texts.push({ name, text: readFileSync(path.join(examples, name), 'utf8'), kernel: DEFAULT_KERNEL });
  for (const { name, text, kernel } of texts) {
    const options = { kernel, explanations: true, levels: {} };
    yield { report: lintText(analyzer, name, text, options), options };
  }
}

/** Tries the fix of each finding of a report by itself. */
function tryAll(
  report: FileReport,
  options: LintOptions,
  count: Tally,
  build: KernelBuild | undefined,
): void {
  const lines = new LineIndex(report.text);
  for (const finding of report.findings) {
    const place = `${report.path}:${lines.lineOf(finding.range.start)} ${finding.code}`;
    const verdict = judge(analyzer, report, finding, options);
    if (verdict?.kind !== 'fix') {
      count.refused++;
      if (build !== undefined) console.log(`refused ${place}: ${verdict?.advice.reason ?? 'no fixer'}`);
      continue;
    }
    const { fix } = verdict;
    const text = applyEdits(report.text, fix.edits);
    const after = lintText(analyzer, report.path, text, options);
    const was = report.findings.filter(({ code }) => code === finding.code).length;
    const is = after.findings.filter(({ code }) => code === finding.code).length;
    const compiled = build?.compile(report.path, text);
    const wrong = is >= was ? 'the finding is still there' : compiled?.problem;
    if (wrong !== undefined) {
      failed = true;
      count.broken++;
      console.log(`BROKEN  ${place}: ${fix.title}: ${wrong}`);
      continue;
    }
    count.fixed++;
    if (compiled?.built === true) count.compiled++;
    if (build === undefined) continue;
    const how = compiled?.built === true ? 'compiled' : `not compiled: ${compiled?.why ?? 'no build'}`;
    console.log(`fixed   ${place}: ${fix.title} (${fix.safety}; ${how})`);
    const { patch } = filePatch(
      `/${report.path}`,
      report.path,
      '/',
      Buffer.from(report.text),
      Buffer.from(text),
    );
    if (patch !== undefined) patches.push(Buffer.from(`${place}: ${fix.title}\n`), Buffer.from(patch));
  }
}
