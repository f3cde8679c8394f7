/**
 * Whether the answers depend on how code is written: functions of a kernel tree are rewritten in ways that do not change
 * their meaning, one kind at a time, and the file is linted again. Usage:
 * `npm run rewrite-report -- TREE [FILE…] [--only KIND] [--changes] [--show]`. Counts, per kind, findings at warning or
 * above (their code, and the function that acquires) that are kept, lost and added; `--changes` lists them with the place
 * that alone brings the change about, `--show` prints the rewritten function as well.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import { lintText } from '#server/linter/file/service.ts';
import { isOfInterest } from '#server/linter/input/interest.ts';
import { joinSiblings } from '#server/linter/project/join.ts';
import { Projects } from '#server/linter/project/project.ts';
import { decodeSource } from '#server/syntax/decode.ts';
import { createParser } from '#server/syntax/parser.ts';
import { REWRITES } from '../test/rewrites/index.ts';
import { openForRewriting, type Rewrite, type Rewritten, rewrite } from '../test/rewrites/rewriter.ts';
import { cFiles, kernelTree } from './kernel-tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    changes: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
  },
});
const tree = kernelTree('rewrite-report', positionals[0]);
const named = positionals.slice(1).map((file) => path.resolve(tree, file));

const isNoDriver = (name: string): boolean =>
  /^(tools|mm|lib|tests?|selftests|Documentation|\..*)$/.test(name);

const analyzer = await createAnalyzer();
const parser = await createParser();
const projects = new Projects(tree, { explanations: true, levels: {} });

/** Findings at warning or above, by code and acquiring function; functions that could not be read are findings too. */
function findingsOf(
  file: string,
  text: string,
  homeOf: Rewritten['homeOf'],
  mayChange?: RegExp,
): Set<string> {
  const shown = path.relative(tree, file);
  const options = projects.optionsFor(shown, file);
  const alone = lintText(analyzer, shown, text, options);
  const report = joinSiblings(analyzer, alone, file, text, options, projects.siblings, new Set());
  const all = [...report.findings, ...(report.elsewhere ?? []).flatMap(({ findings }) => findings)];
  const loud = all.filter(({ level, code }) => level !== 'note' && !mayChange?.test(code));
  return new Set([
    ...loud.map((f) => `${f.code} ${homeOf(f.site.function)}`),
    ...report.partlyRead.map((fn) => `unreadable ${homeOf(fn)}`),
  ]);
}

const same = (fn: string): string => fn;

interface Score {
  files: number;
  functions: number;
  places: number;
  kept: number;
  lost: number;
  added: number;
}
const scores = new Map<string, Score>();

interface Change {
  readonly lost: readonly string[];
  readonly added: readonly string[];
}

function changeOf(before: ReadonlySet<string>, after: ReadonlySet<string>): Change {
  return {
    lost: [...before].filter((key) => !after.has(key)),
    added: [...after].filter((key) => !before.has(key)),
  };
}

const started = performance.now();
for (const file of named.length > 0 ? named : cFiles(tree, isNoDriver)) {
  const bytes = readFileSync(file);
  const decoded = isOfInterest(bytes) ? decodeSource(bytes) : undefined;
  if (
    decoded?.kind !== 'text' ||
    !/\b(get|pin)_user_pages\w*\(|\biov_iter_(get|extract)_pages\w*\(/.test(decoded.text)
  )
    continue;
  const { text } = decoded;
  await projects.prepare(path.dirname(file));
  const shown = path.relative(tree, file);
  const { kernel } = projects.optionsFor(shown, file);
  const { source, functions } = openForRewriting(shown, text, parser, {
    kernelVersion: kernel,
    prefer: /(get|pin)_user_pages/,
  });
  const whole = findingsOf(file, text, same);
  for (const kind of REWRITES) {
    if (values.only !== undefined && !kind.kind.includes(values.only)) continue;
    const score = scores.get(kind.kind) ?? { files: 0, functions: 0, places: 0, kept: 0, lost: 0, added: 0 };
    scores.set(kind.kind, score);
    const rewritten = rewrite(kind, source, functions);
    if (rewritten.places === 0) continue;
    const before = new Set([...whole].filter((key) => !kind.mayChange?.test(key)));
    const after = findingsOf(file, rewritten.text, rewritten.homeOf, kind.mayChange);
    const change = changeOf(before, after);
    score.files++;
    score.functions += rewritten.functions;
    score.places += rewritten.places;
    score.kept += before.size - change.lost.length;
    score.lost += change.lost.length;
    score.added += change.added.length;
    if (values.changes || values.show)
      for (const key of [...change.lost, ...change.added])
        explain(kind, key, change.lost.includes(key), rewritten.places);
  }

  /** Says which place alone brings a change about. */
  function explain(kind: Rewrite, key: string, isLost: boolean, places: number): void {
    let culprit = '(only several places together)';
    let text = '';
    for (let only = 0; only < Math.min(places, 120); only++) {
      const one = rewrite(kind, source, functions, only);
      if (one.text === source.text) continue;
      const has = findingsOf(file, one.text, one.homeOf, kind.mayChange).has(key);
      if (has === isLost) continue;
      const at = [...one.text].findIndex((c, i) => c !== source.text[i]);
      const line = source.lines.lineOf(Math.min(at, source.text.length - 1));
      culprit = `at line ${line}: ${one.text.slice(Math.max(0, at - 20), at + 140).replace(/\s+/g, ' ')}`;
      text = one.text;
      break;
    }
    console.log(`${isLost ? '-' : '+'} ${kind.kind}: ${shown} ${key} ${culprit}`);
    if (values.show && text !== '') console.log(text);
  }
}
const column = (n: number, width: number): string => `${n}`.padStart(width);
console.log('rewriting                        files  functions  places  kept  lost  added');
for (const [kind, { files, functions, places, kept, lost, added }] of scores)
  console.log(
    `${kind.padEnd(32)} ${column(files, 5)}  ${column(functions, 9)}  ${column(places, 6)}  ${column(kept, 4)}  ${column(lost, 4)}  ${column(added, 5)}`,
  );
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
