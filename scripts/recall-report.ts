/**
 * How many mistakes gupcheck finds that are put into real code: each release and each acquire of a kernel tree is
 * spoilt in turn, and the file is linted again. Usage: `npm run recall-report -- TREE [--only KIND] [--missed]`.
 * Code that was wrong before, and spoilt code that is right for another reason, count as missed: the figures are for
 * comparing versions of gupcheck, and `--missed` lists places to read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createAnalyzer } from '#server/linter/analysis.ts';
import { isOfInterest } from '#server/linter/interest.ts';
import { lintText } from '#server/linter/service.ts';
import { decodeSource } from '#server/syntax/decode.ts';
import { LineIndex } from '#server/syntax/lines.ts';

interface Mistake {
  readonly kind: string;
  /** What is spoilt, as a call that starts at the match. */
  readonly call: RegExp;
  /** The spoilt call; undefined where this one cannot be spoilt. */
  readonly spoil: (name: string, args: readonly string[]) => string | undefined;
  /** A finding of one of these is what the mistake deserves. */
  readonly codes: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    kind: 'put instead of unpin',
    call: /\bunpin_user_pages?(_dirty_lock)?\(/g,
    spoil: (name, args) =>
      name === 'unpin_user_page' ? `put_page(${args[0]})` : `release_pages(${args[0]}, ${args[1]})`,
    codes: /GUP30[158]/,
  },
  {
    kind: 'no release',
    call: /\bunpin_user_pages?(_dirty_lock)?\(|\bput_page\(|\brelease_pages\(/g,
    spoil: () => '(void)0',
    codes: /GUP30[345]/,
  },
  {
    kind: 'get instead of pin',
    call: /\bpin_user_pages(_fast|_remote|_unlocked)?\(/g,
    spoil: (name, args) => `${name.replace('pin', 'get')}(${args.join(',')})`,
    codes: /GUP(103|20[123]|302|601)/,
  },
  {
    kind: 'not dirtied',
    call: /\bunpin_user_pages_dirty_lock\(/g,
    spoil: (_, args) => (args[2] === 'false' ? undefined : `unpin_user_pages(${args[0]}, ${args[1]})`),
    codes: /GUP308/,
  },
  {
    kind: 'no FOLL_LONGTERM',
    call: /\bpin_user_pages(_fast|_remote|_unlocked)?\(/g,
    spoil: (name, args) => {
      const spoilt = args.map((a) => a.replace(/\bFOLL_LONGTERM\b/, '0'));
      return spoilt.join() === args.join() ? undefined : `${name}(${spoilt.join(',')})`;
    },
    codes: /GUP204/,
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, missed: { type: 'boolean', default: false } },
});
const tree = positionals[0] ?? process.env.GUPCHECK_KERNEL;
if (tree === undefined) {
  console.error('recall-report: name a kernel tree, or set GUPCHECK_KERNEL');
  process.exit(2);
}

function* cFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    const isDriver = !/^(tools|mm|lib|tests?|selftests|Documentation|\..*)$/.test(entry.name);
    if (entry.isDirectory() && isDriver) yield* cFiles(full);
    else if (entry.isFile() && entry.name.endsWith('.c')) yield full;
  }
}

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
const options = { kernel: { major: 6, minor: 12, patch: 0 }, explanations: false, levels: {} };

/** Findings by level, code and function. */
function findingsOf(file: string, text: string): Set<string> {
  const { findings } = lintText(analyzer, file, text, options);
  return new Set(findings.map((f) => `${f.level} ${f.code} ${f.site.function}`));
}

interface Score {
  tried: number;
  loud: number;
  quiet: number;
}
const scores = new Map<string, Score>();
for (const file of cFiles(tree)) {
  const bytes = readFileSync(file);
  const decoded = isOfInterest(bytes) ? decodeSource(bytes) : undefined;
  if (decoded?.kind !== 'text' || !/\b(get|pin)_user_pages\w*\(/.test(decoded.text)) continue;
  const { text } = decoded;
  const shown = path.relative(tree, file);
  const before = findingsOf(shown, text);
  for (const { kind, call, spoil, codes } of MISTAKES) {
    if (values.only !== undefined && !kind.includes(values.only)) continue;
    for (const match of text.matchAll(call)) {
      const found = argumentsAt(text, match.index + match[0].length);
      const line = text.slice(text.lastIndexOf('\n', match.index) + 1, match.index);
      // A comment, or the declaration of a function of the file.
      if (found === undefined || /^\s*(\/?\*|\/\/)|^\w/.test(line)) continue;
      const spoilt = spoil(match[0].slice(0, -1), found.args);
      if (spoilt === undefined) continue;
      const after = findingsOf(shown, text.slice(0, match.index) + spoilt + text.slice(found.end));
      const fresh = [...after].filter((key) => !before.has(key) && codes.test(key));
      const score = scores.get(kind) ?? { tried: 0, loud: 0, quiet: 0 };
      scores.set(kind, score);
      score.tried++;
      if (fresh.some((key) => !key.startsWith('note'))) score.loud++;
      else if (fresh.length > 0) score.quiet++;
      else if (values.missed)
        console.log(`${kind}: ${shown}:${new LineIndex(text).lineOf(match.index)} ${match[0]}…)`);
    }
  }
}
console.log('mistake                  tried  warning or error  note');
for (const [kind, { tried, loud, quiet }] of scores)
  console.log(
    `${kind.padEnd(24)} ${`${tried}`.padStart(5)}  ${`${loud}`.padStart(16)}  ${`${quiet}`.padStart(4)}`,
  );
