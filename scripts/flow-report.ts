/**
 * What the flow analysis makes of real code: sizes of runs, and how much of what they see is known for sure.
 * Usage: `npm run flow-report [-- TREE] [--pairs]`. The tree is GUPCHECK_KERNEL unless given. `--pairs` also lists, for each
 * function that leaves pages held in a structure, the members and the functions that use or release them.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { analyzeFlow, DEFAULT_FLOW, type FunctionFlow } from '#server/flow/file.ts';
import { isMeaningful } from '#server/flow/kernel/meaning.ts';
import { isOfInterest, PROTOCOL_WORDS } from '#server/linter/input/interest.ts';
import { decodeSource } from '#server/syntax/decode.ts';
import { createParser } from '#server/syntax/parser.ts';
import { openSource } from '#server/syntax/source.ts';
import { cFiles, kernelTree } from './kernel-tree.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: 'boolean', default: false } },
});
const tree = kernelTree('flow-report', positionals[0]);

/** Tools and tests of the kernel are no drivers. */
const isNoDriver = (name: string): boolean => name === 'tools' || name.startsWith('.');

const parser = await createParser();
const prefer = new RegExp(PROTOCOL_WORDS.join('|'));
const kernelVersion = { major: 6, minor: 12, patch: 0 };

interface Run {
  readonly where: string;
  readonly flow: FunctionFlow;
  readonly milliseconds: number;
}
const runs: Run[] = [];
let files = 0;
for (const file of cFiles(tree, isNoDriver)) {
  const bytes = readFileSync(file);
  if (!isOfInterest(bytes)) continue;
  const decoded = decodeSource(bytes);
  if (decoded.kind === 'binary') continue;
  files++;
  const shown = path.relative(tree, file);
  const source = openSource(shown, decoded.text, { kernelVersion, prefer, means: isMeaningful });
  const spent: number[] = [];
  let last = performance.now();
  const ran = (): void => {
    const now = performance.now();
    spent.push(now - last);
    last = now;
  };
  const { functions } = analyzeFlow(source, parser, { ...DEFAULT_FLOW, ran });
  const executed = functions.filter((f) => f.steps > 0 && f.pair === undefined);
  for (const [i, flow] of executed.entries()) {
    runs.push({ where: `${shown} ${flow.name}()`, flow, milliseconds: spent[i] ?? 0 });
  }
  for (const flow of functions) {
    if (flow.pair !== undefined) runs.push({ where: `${shown} ${flow.name}()`, flow, milliseconds: 0 });
  }
}

const alone = runs.filter(({ flow }) => flow.pair === undefined);
const paired = runs.filter(({ flow }) => flow.pair !== undefined);

function spread(numbers: readonly number[], digits = 0): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(digits);
  return `median ${at(0.5)}, p90 ${at(0.9)}, worst ${at(1)}`;
}

const observed = alone.flatMap(({ flow }) => flow.observations);
const releases = observed.filter((o) => o.what === 'release');
const concrete = releases.filter((o) => o.slot !== null);
const sites = new Set(
  alone.flatMap(({ where, flow }) =>
    flow.observations.flatMap((o) =>
      o.what === 'acquire' ? [`${where.split(' ')[0]} ${o.within} ${o.call.site}`] : [],
    ),
  ),
);
const suspects = new Set(
  alone.flatMap(({ where, flow }) =>
    flow.observations.flatMap((o) => (o.what === 'unfilled' ? [`${where}: ${o.call.fn}()`] : [])),
  ),
);
const producers = alone.filter(({ flow }) =>
  flow.observations.some((o) => o.what === 'exit' && o.owner === 'object' && o.set.slots.includes('held')),
);
const consumers = new Set(
  paired.flatMap(({ where, flow }) => flow.pair!.consumers.map((c) => `${where.split(' ')[0]} ${c}`)),
);
const cut = runs.filter(({ flow }) => flow.cut);

console.log(`${files} files, ${alone.length} entry points, ${sites.size} acquiring calls`);
console.log(`node executions per entry point: ${spread(alone.map(({ flow }) => flow.steps))}`);
console.log(
  `milliseconds per entry point: ${spread(
    alone.map((r) => r.milliseconds),
    1,
  )}`,
);
const share = releases.length === 0 ? 0 : (100 * concrete.length) / releases.length;
console.log(`releases of a page that is told apart: ${share.toFixed(0)} % of ${releases.length}`);
console.log(
  `${producers.length} functions leave pages in structures, ${paired.length} of them paired with ${consumers.size} others`,
);
console.log(`node executions per pairing: ${spread(paired.map(({ flow }) => flow.steps))}`);
console.log(`suspected over-releases: ${suspects.size}`);
for (const suspect of suspects) console.log(`  ${suspect}`);
console.log(`cut short by the budget: ${cut.length}`);
for (const { where, flow } of cut) console.log(`  ${where}${flow.pair === undefined ? '' : ', later'}`);
if (values.pairs) {
  for (const { where, flow } of paired) {
    const { fields, consumers: to } = flow.pair!;
    console.log(`${where}: ${fields.join(' ')} -> ${to.join(' ')}`);
  }
}
