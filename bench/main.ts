/**
 * What is timed, against what: `npm run bench [-- KERNEL] [-- --write]`. KERNEL is an unpacked linux-6.12 tree; without
 * it GUPCHECK_KERNEL names it. `--write` keeps the table in docs/bench.md, `--only explain` measures one part. Figures move between machines: ratios of one
 * run say more.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { editorRows } from './editor.ts';
import { explainRows, exploreRows } from './engine.ts';
import { output, type Row, table } from './measure.ts';
import { parseRows } from './parse.ts';
import { spinRows } from './spin/rows.ts';
import { startRows, treeRows } from './tree.ts';

const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean' }, only: { type: 'string' } },
  allowPositionals: true,
});
const kernel = positionals[0] ?? process.env.GUPCHECK_KERNEL;
if (kernel === undefined || !existsSync(path.join(kernel, 'drivers'))) {
  console.error('bench: no kernel tree; give one as argument or in GUPCHECK_KERNEL');
  process.exit(2);
}

const root = process.cwd();
const program = path.join(root, 'dist/gupcheck.cjs');
const examples = path.join(root, 'examples/bad');
output(process.execPath, [path.join(root, 'esbuild.mjs')], root);

const parts: Readonly<Record<string, () => Row[] | Promise<Row[]>>> = {
  start: () => startRows(program, examples),
  explore: exploreRows,
  spin: () => spinRows(path.join(root, 'bench/spin/case5.pml')),
  explain: () => explainRows([kernel], root),
  parse: () => parseRows(path.join(kernel, 'drivers')),
  tree: () => treeRows(program, kernel, path.join(root, 'bench/peers')),
  editor: () => editorRows(path.join(root, 'dist'), kernel, path.join(examples, 'status_page.c')),
};
if (values.only !== undefined && (parts[values.only] === undefined || values.write === true)) {
  console.error(`bench: --only takes one of ${Object.keys(parts).join(', ')}, and does not go with --write`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (values.only === undefined || values.only === name) rows.push(...(await measure()));
}
const machine = `${cpus()[0]?.model.trim() ?? arch()}, ${availableParallelism()} cores, node ${process.versions.node}`;
const text = `${table(rows)}\n`;
console.log(`${machine}\n\n${text}`);
if (values.write === true) {
  writeFileSync(
    path.join(root, 'docs/bench.md'),
    `# Measured\n\n${machine}; linux-6.12 from Debian's linux-source-6.12. Written by \`npm run bench -- KERNEL --write\`.\n\n${text}\nOne part of the table is measured alone by \`npm run bench -- KERNEL --only explain\` (or \`start\`, \`explore\`, \`spin\`, \`parse\`,\n\`tree\`, \`editor\`). GUPCHECK_AST_GREP names an ast-grep to race with. Ratios of one run say more than seconds.\n`,
  );
}
