/**
 * How many mistakes gupcheck finds that are put into real code: each release and each acquire of a kernel tree is
 * spoilt in turn, and the file is linted again. Usage: `npm run recall-report -- TREE [--only KIND] [--missed]`.
 * Code that was wrong before, and spoilt code that is right for another reason, count as missed: the figures are for
 * comparing versions of gupcheck, and `--missed` lists places to read.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { ReportedFinding } from '#server/linter/file/report.ts';
import { lintText } from '#server/linter/file/service.ts';
import { isOfInterest } from '#server/linter/input/interest.ts';
import { joinSiblings } from '#server/linter/project/join.ts';
import { Projects } from '#server/linter/project/project.ts';
import { decodeSource } from '#server/syntax/decode.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { cFiles, kernelTree } from './kernel-tree.ts';

/** An edit that makes right code wrong. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Mistake {
  readonly kind: string;
  readonly edits: (text: string) => Iterable<Edit>;
  /** A finding of one of these is what the mistake deserves. */
  readonly codes: RegExp;
}

/** Calls that start at the matches, as something else; undefined where this one cannot be spoilt. */
function* calls(
  text: string,
  call: RegExp,
  spoil: (name: string, args: readonly string[]) => string | undefined,
): Generator<Edit> {
  for (const match of text.matchAll(call)) {
    const found = argumentsAt(text, match.index + match[0].length);
    // With such an argument a loop would lose its step as well.
    if (found === undefined || /\+\+|--/.test(found.args.join())) continue;
    const spoilt = spoil(match[0].slice(0, -1), found.args);
    if (spoilt !== undefined) yield { start: match.index, end: found.end, text: spoilt };
  }
}

const UNPIN = /\bunpin_user_pages?(_dirty_lock)?\(/g;
const PIN = /\bpin_user_pages(_fast|_remote|_unlocked)?\(/g;

/** Of pages that are pinned with FOLL_LONGTERM nothing is lost: GUP308 is a note at most there. */
function* plainUnpins(text: string, longterm: boolean): Generator<Edit> {
  if (/\bFOLL_LONGTERM\b/.test(text) !== longterm) return;
  yield* calls(text, /\bunpin_user_pages_dirty_lock\(/g, (_, args) =>
    args[2] === 'false' ? undefined : `unpin_user_pages(${args[0]}, ${args[1]})`,
  );
}

const MISTAKES: readonly Mistake[] = [
  {
    kind: 'put instead of unpin',
    edits: (text) =>
      calls(text, UNPIN, (name, args) =>
        name === 'unpin_user_page' ? `put_page(${args[0]})` : `release_pages(${args[0]}, ${args[1]})`,
      ),
    codes: /GUP30[158]|GUP602/,
  },
  {
    kind: 'puts instead of unpin',
    edits: (text) =>
      calls(text, /\bunpin_user_pages(_dirty_lock)?\(/g, (_, [pages, count]) => {
        return `for (int each = 0; each < ${count}; each++) put_page((${pages})[each])`;
      }),
    codes: /GUP30[158]|GUP602/,
  },
  {
    kind: 'no release',
    edits: (text) =>
      calls(text, /\bunpin_user_pages?(_dirty_lock)?\(|\bput_page\(|\brelease_pages\(/g, () => '(void)0'),
    codes: /GUP30[345]/,
  },
  {
    kind: 'get instead of pin',
    edits: (text) => calls(text, PIN, (name, args) => `${name.replace('pin', 'get')}(${args.join(',')})`),
    codes: /GUP(103|20[123]|302|601)/,
  },
  { kind: 'not dirtied', edits: (text) => plainUnpins(text, false), codes: /GUP308/ },
  { kind: 'not dirtied, long-term', edits: (text) => plainUnpins(text, true), codes: /GUP308/ },
  {
    kind: 'no dirtying call',
    edits: (text) => calls(text, /\b(set_page_dirty(_lock)?|folio_mark_dirty(_lock)?)\(/g, () => '(void)0'),
    codes: /GUP(201|308)/,
  },
  {
    kind: 'dirty flag upside down',
    edits: (text) =>
      calls(text, /\bunpin_user_pages_dirty_lock\(/g, (name, [pages, count, dirty]) =>
        /^(true|false|\d)$/.test(dirty ?? '') ? undefined : `${name}(${pages}, ${count}, !(${dirty}))`,
      ),
    codes: /GUP(308|312)/,
  },
  {
    kind: 'dirtied without lock',
    edits: (text) =>
      calls(text, /\bset_page_dirty_lock\(/g, (_, args) => `set_page_dirty(${args.join(',')})`),
    codes: /GUP309/,
  },
  {
    kind: 'no FOLL_LONGTERM',
    *edits(text) {
      for (const { index, 0: word } of text.matchAll(/\bFOLL_LONGTERM\b/g)) {
        // Of a test nothing is acquired.
        if (!/\bif\s*\([^;{}]*$/.test(text.slice(0, index)) || /\w\([^();{}]*$/.test(text.slice(0, index)))
          yield { start: index, end: index + word.length, text: '0' };
      }
    },
    codes: /GUP204/,
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, missed: { type: 'boolean', default: false } },
});
const tree = kernelTree('recall-report', positionals[0]);

const isNoDriver = (name: string): boolean =>
  /^(tools|mm|lib|tests?|selftests|Documentation|\..*)$/.test(name);

/** The arguments of a call and its end, given the place behind its opening bracket. */
function argumentsAt(text: string, from: number): { args: string[]; end: number } | undefined {
  const args: string[] = [];
  let depth = 1;
  let start = from;
  for (let at = from; at < text.length; at++) {
    const c = text[at]!;
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (depth === 0 || (depth === 1 && c === ',')) {
      args.push(text.slice(start, at).trim());
      start = at + 1;
    }
    if (depth === 0) return { args, end: at + 1 };
  }
  return undefined;
}

const analyzer = await createAnalyzer();
const projects = new Projects(tree, { explanations: false, levels: {} });

/** Findings by level, code, function and line: as the command line has them, with headers and the other files of the folder. */
function findingsOf(file: string, text: string): Set<string> {
  const shown = path.relative(tree, file);
  const options = projects.optionsFor(shown, file);
  const alone = lintText(analyzer, shown, text, options);
  const report = joinSiblings(analyzer, alone, file, text, options, projects.siblings, new Set());
  const keys = (findings: readonly ReportedFinding[], lines: LineIndex): string[] =>
    findings.map((f) => `${f.level} ${f.code} ${f.site.function} ${lines.lineOf(f.range.start)}`);
  const elsewhere = (report.elsewhere ?? []).flatMap((other) =>
    keys(other.findings, new LineIndex(other.text)),
  );
  return new Set([...keys(report.findings, new LineIndex(text)), ...elsewhere]);
}

interface Score {
  tried: number;
  loud: number;
  quiet: number;
}
const scores = new Map<string, Score>();
for (const file of cFiles(tree, isNoDriver)) {
  const bytes = readFileSync(file);
  const decoded = isOfInterest(bytes) ? decodeSource(bytes) : undefined;
  if (decoded?.kind !== 'text' || !/\b(get|pin)_user_pages\w*\(/.test(decoded.text)) continue;
  const { text } = decoded;
  await projects.prepare(path.dirname(file));
  const shown = path.relative(tree, file);
  const before = findingsOf(file, text);
  for (const { kind, edits, codes } of MISTAKES) {
    if (values.only !== undefined && !kind.includes(values.only)) continue;
    for (const { start, end, text: spoilt } of edits(text)) {
      const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
      // A comment, or the declaration of a function of the file.
      if (/^\s*(\/?\*|\/\/)|^\w/.test(line)) continue;
      const after = findingsOf(file, text.slice(0, start) + spoilt + text.slice(end));
      const fresh = [...after].filter((key) => !before.has(key) && codes.test(key));
      const score = scores.get(kind) ?? { tried: 0, loud: 0, quiet: 0 };
      scores.set(kind, score);
      score.tried++;
      if (fresh.some((key) => !key.startsWith('note'))) score.loud++;
      else if (fresh.length > 0) score.quiet++;
      else if (values.missed)
        console.log(
          `${kind}: ${shown}:${new LineIndex(text).lineOf(start)} ${/^\w+/.exec(text.slice(start, end))![0]}`,
        );
    }
  }
}
console.log('mistake                  tried  warning or error  note');
for (const [kind, { tried, loud, quiet }] of scores)
  console.log(
    `${kind.padEnd(24)} ${`${tried}`.padStart(5)}  ${`${loud}`.padStart(16)}  ${`${quiet}`.padStart(4)}`,
  );
