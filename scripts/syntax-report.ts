/**
 * How much of real code the syntax layer reads: a full parse of every C file that mentions page pinning, with both
 * back ends. Usage: `npm run syntax-report [-- FOLDER…] [--all] [--list N] [--one-backend] [--plain]`.
 * `--all` takes every C file, `--list N` prints the first N functions that have an error (default 20), `--plain` leaves
 * preprocessor and dialect out, to see what they are worth.
 */
import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decodeSource } from '#server/syntax/decode.ts';
import type { FunctionSlice } from '#server/syntax/outline.ts';
import { createParser, type Parser, type SourceSlice } from '#server/syntax/parser.ts';
import { openSource, type SourceFile } from '#server/syntax/source.ts';
import { NodeFlag, type SyntaxTree } from '#server/syntax/tree.ts';
import { cFiles, kernelTree } from './kernel-tree.ts';

const GUP =
  /get_user_pages|pin_user_pages|FOLL_PIN|unpin_user_page|iov_iter_extract_pages|iov_iter_get_pages/;
/** A call that takes or releases references: what must be inside the right function. */
const CALL =
  /\b(?:get_user_pages?(?:_\w+)?|pin_user_pages?(?:_\w+)?|unpin_user_(?:page|folio)\w*|iov_iter_(?:extract|get)_pages\w*|memfd_pin_folios)\s*\(/;

interface Totals {
  files: number;
  bytes: number;
  functions: number;
  functionsWithError: number;
  gupFunctions: number;
  gupFunctionsWithError: number;
  backendDifferences: number;
  strayCalls: number;
  readonly milliseconds: Map<string, number>;
  readonly offenders: string[];
}

function sameTree(a: SyntaxTree, b: SyntaxTree): boolean {
  if (a.count !== b.count) return false;
  for (const key of ['kind', 'field', 'start', 'end', 'parent', 'flags'] as const) {
    for (let node = 0; node < a.count; node++) if (a[key][node] !== b[key][node]) return false;
  }
  return true;
}

/** The line and the first line of text of a tree's first error. */
function firstError(source: SourceFile, tree: SyntaxTree): string {
  for (let node = 0; node < tree.count; node++) {
    if ((tree.flags[node]! & (NodeFlag.error | NodeFlag.missing)) === 0) continue;
    const at = tree.start[node]!;
    const { line } = source.lines.placeOf(at);
    const missing = tree.flags[node]! & NodeFlag.missing ? ' (missing token)' : '';
    return `${line}${missing}: ${source.lines.lineText(line).trim().slice(0, 100)}`;
  }
  return '';
}

function measure(file: string, parsers: readonly Parser[], totals: Totals): void {
  const decoded = decodeSource(readFileSync(file));
  if (decoded.kind === 'binary') return;
  const source = openSource(file, decoded.text, {
    kernelVersion: { major: 6, minor: 12, patch: 0 },
    prefer: CALL,
  });
  totals.files++;
  totals.bytes += decoded.text.length;
  const withCalls = new Set(source.functionsMatching(CALL));
  totals.strayCalls += strayCalls(source);
  source.functions.forEach((definition, index) => {
    const slice = values.plain ? plainSlice(source, definition) : source.slice(index);
    const trees = parsers.map((parser) => {
      const started = performance.now();
      const tree = parser.parse(slice);
      const spent = totals.milliseconds.get(parser.backend) ?? 0;
      totals.milliseconds.set(parser.backend, spent + performance.now() - started);
      return tree;
    });
    const [first, second] = trees;
    if (first === undefined) return;
    if (second !== undefined && !sameTree(first, second)) totals.backendDifferences++;
    totals.functions++;
    if (withCalls.has(index)) totals.gupFunctions++;
    if (!first.hasError) return;
    totals.functionsWithError++;
    if (withCalls.has(index)) totals.gupFunctionsWithError++;
    const mark = withCalls.has(index) ? '*' : ' ';
    totals.offenders.push(`${mark} ${file}:${definition.name}:${firstError(source, first)}`);
  });
}

/** A function as it stands in the file. */
function plainSlice({ text }: SourceFile, { start, end }: FunctionSlice): SourceSlice {
  return { text, code: text.slice(start, end), from: start };
}

/** Calls in the code of the chosen configuration that no function holds. Prototypes are not calls. */
function strayCalls(source: SourceFile): number {
  let stray = 0;
  for (const match of source.code.matchAll(new RegExp(CALL, 'g'))) {
    if (source.functionAt(match.index) >= 0) continue;
    const lineStart = source.code.lastIndexOf('\n', match.index) + 1;
    // At the top level the name follows a return type: a prototype.
    if (/\w[\s*]*$/.test(source.code.slice(lineStart, match.index))) continue;
    stray++;
  }
  return stray;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    list: { type: 'string', default: '20' },
    plain: { type: 'boolean', default: false },
    'one-backend': { type: 'boolean', default: false },
  },
});
const totals: Totals = {
  files: 0,
  bytes: 0,
  functions: 0,
  functionsWithError: 0,
  gupFunctions: 0,
  gupFunctionsWithError: 0,
  backendDifferences: 0,
  strayCalls: 0,
  milliseconds: new Map(),
  offenders: [],
};
const parsers = [await createParser()];
if (parsers[0]?.backend === 'native' && !values['one-backend']) {
  parsers.push(await createParser({ prefer: 'wasm' }));
}
const roots = positionals.length > 0 ? positionals : [kernelTree('syntax-report', undefined)];
for (const root of roots) {
  const files = statSync(root).isDirectory() ? [...cFiles(root)].sort() : [root];
  for (const file of files) {
    if (values.all || GUP.test(readFileSync(file, 'latin1'))) measure(file, parsers, totals);
  }
}
const share = (part: number, whole: number) =>
  whole === 0 ? '-' : `${part} of ${whole} (${((100 * part) / whole).toFixed(2)} %)`;
const lines = [
  `files                        ${totals.files} (${(totals.bytes / 1e6).toFixed(1)} MB)`,
  `functions with a parse error ${share(totals.functionsWithError, totals.functions)}`,
  `of those with GUP calls      ${share(totals.gupFunctionsWithError, totals.gupFunctions)}`,
  `GUP calls outside functions  ${totals.strayCalls}`,
  `back ends                    ${parsers.map((parser) => parser.backend).join(', ')}`,
  `trees that differ            ${totals.backendDifferences}`,
  ...[...totals.milliseconds].map(
    ([name, spent]) => `parse, ${name.padEnd(6)}                ${spent.toFixed(0)} ms`,
  ),
];
console.log(lines.join('\n'));
const shown = totals.offenders.slice(0, Number(values.list));
if (shown.length > 0) console.log(`\nwith an error (* has GUP calls):\n${shown.join('\n')}`);
