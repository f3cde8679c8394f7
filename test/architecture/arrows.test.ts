/** The arrows of docs/architecture.md: biome.json refuses each import that points upwards, and allows those it needs. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Layers with folders, and which of its other folders each of them may import. */
const FOLDERS: Record<string, Record<string, readonly string[]>> = {
  'server/src/flow': {
    kernel: [],
    lower: [],
    facts: ['kernel', 'lower'],
    context: ['kernel', 'lower', 'facts'],
    state: ['kernel', 'lower'],
    run: ['kernel', 'lower', 'facts', 'state'],
    held: ['kernel', 'lower', 'facts', 'state', 'run'],
  },
  'server/src/linter': {
    input: [],
    config: ['input'],
    file: ['input'],
    text: ['file'],
    project: ['input', 'config', 'file'],
    run: ['input', 'config', 'file', 'project'],
    apply: ['input', 'config', 'file', 'project', 'run'],
  },
};

/** Imports from one folder of a layer to another that are allowed, or are not. */
function between(isAllowed: boolean): [string, string][] {
  return Object.entries(FOLDERS).flatMap(([layer, folders]) =>
    Object.entries(folders).flatMap(([folder, below]) =>
      Object.keys(folders)
        .filter((other) => other !== folder && below.includes(other) === isAllowed)
        .map((other): [string, string] => [`${layer}/${folder}/probe.ts`, `../${other}/some.ts`]),
    ),
  );
}

/** [importing file, imported module] */
const refused: [string, string][] = [
  ...between(false),
  ...Object.keys(FOLDERS['server/src/flow']!).flatMap((folder): [string, string][] => [
    [`server/src/flow/${folder}/probe.ts`, '../memo.ts'],
    [`server/src/flow/${folder}/probe.ts`, '#server/flow/memo.ts'],
    [`server/src/flow/${folder}/probe.ts`, '../../rules/finding.ts'],
    [`server/src/flow/${folder}/probe.ts`, '#engine/explore/explore.ts'],
    [`server/src/flow/${folder}/probe.ts`, 'node:fs'],
  ]),
  ...Object.keys(FOLDERS['server/src/linter']!).flatMap((folder): [string, string][] => [
    [`server/src/linter/${folder}/probe.ts`, '../../cli/main.ts'],
    [`server/src/linter/${folder}/probe.ts`, '../../lsp/server.ts'],
    [`server/src/linter/${folder}/probe.ts`, '#shared/messages.ts'],
  ]),
  ['engine/src/model/probe.ts', 'node:fs'],
  ['engine/src/model/probe.ts', 'vitest'],
  ['engine/src/model/probe.ts', '#server/flow/state/witness.ts'],
  ['engine/src/model/probe.ts', '../../../server/src/flow/state/witness.ts'],
  ['server/src/syntax/probe.ts', '../flow/state/witness.ts'],
  ['server/src/syntax/dialect/probe.ts', '../../rules/finding.ts'],
  ['server/src/syntax/probe.ts', '#server/linter/report.ts'],
  ['server/src/syntax/probe.ts', '#engine/protocol/steps.ts'],
  ['server/src/syntax/probe.ts', 'node:fs'],
  ['server/src/flow/probe.ts', '../rules/finding.ts'],
  ['server/src/flow/probe.ts', '../explain/explanation.ts'],
  ['server/src/flow/probe.ts', '#engine/explore/explore.ts'],
  ['server/src/flow/probe.ts', 'node:fs'],
  ['server/src/rules/probe.ts', '../explain/explanation.ts'],
  ['server/src/rules/probe.ts', '../linter/report.ts'],
  ['server/src/rules/probe.ts', '#engine/explore/explore.ts'],
  ['server/src/rules/probe.ts', 'node:fs'],
  ['server/src/rules/evidence/probe.ts', '../gup301-put-on-pinned.ts'],
  ['server/src/rules/evidence/probe.ts', '../index.ts'],
  ['server/src/rules/evidence/probe.ts', '../../explain/explanation.ts'],
  ['server/src/rules/evidence/probe.ts', '#engine/explore/explore.ts'],
  ['server/src/rules/evidence/probe.ts', 'node:fs'],
  ['server/src/fix/edits/probe.ts', '../gup301-put-on-pinned.ts'],
  ['server/src/fix/edits/probe.ts', '../index.ts'],
  ['server/src/fix/edits/probe.ts', '../../linter/report.ts'],
  ['server/src/fix/edits/probe.ts', 'node:fs'],
  ['server/src/explain/probe.ts', '../linter/report.ts'],
  ['server/src/explain/probe.ts', 'node:fs'],
  ['server/src/fix/probe.ts', '../cli/main.ts'],
  ['server/src/linter/probe.ts', '../cli/main.ts'],
  ['server/src/linter/probe.ts', '../lsp/server.ts'],
  ['server/src/cli/probe.ts', '../lsp/server.ts'],
  ['server/src/cli/format/probe.ts', '../../flow/state/witness.ts'],
  ['server/src/cli/probe.ts', '../syntax/parser.ts'],
  ['server/src/lsp/probe.ts', '../cli/main.ts'],
  ['server/src/lsp/probe.ts', 'vscode'],
  ['server/src/linter/probe.ts', 'vscode'],
  ['server/src/linter/probe.ts', '#shared/messages.ts'],
  ['server/src/cli/probe.ts', '#shared/messages.ts'],
  ['server/src/rules/probe.ts', '#shared/messages.ts'],
  ['engine/src/model/probe.ts', '#shared/messages.ts'],
  ['shared/probe.ts', '#server/linter/report.ts'],
  ['shared/probe.ts', 'vscode'],
  ['client/src/probe.ts', '#server/linter/report.ts'],
  ['client/src/probe.ts', '../../engine/src/protocol/trace.ts'],
  ['client/src/probe.ts', 'web-tree-sitter'],
];

const allowed: [string, string][] = [
  ...between(true),
  ...Object.keys(FOLDERS['server/src/flow']!).flatMap((folder): [string, string][] => [
    ['server/src/flow/probe.ts', `./${folder}/some.ts`],
    [`server/src/flow/${folder}/probe.ts`, './some.ts'],
    [`server/src/flow/${folder}/probe.ts`, '../../syntax/tree.ts'],
    [`server/src/flow/${folder}/probe.ts`, '#engine/protocol/steps.ts'],
  ]),
  ...Object.keys(FOLDERS['server/src/linter']!).flatMap((folder): [string, string][] => [
    [`server/src/linter/${folder}/probe.ts`, './some.ts'],
    [`server/src/linter/${folder}/probe.ts`, '../../flow/run/observation.ts'],
    [`server/src/linter/${folder}/probe.ts`, 'node:fs'],
  ]),
  ['engine/src/model/probe.ts', '../protocol/steps.ts'],
  ['engine/src/model/probe.ts', './page.ts'],
  ['server/src/syntax/probe.ts', '#engine/protocol/flags.ts'],
  ['server/src/syntax/assets.ts', 'node:fs'],
  ['server/src/flow/probe.ts', '../syntax/tree.ts'],
  ['server/src/flow/probe.ts', '#engine/protocol/steps.ts'],
  ['server/src/rules/probe.ts', '../flow/state/witness.ts'],
  ['server/src/rules/probe.ts', './evidence/some.ts'],
  ['server/src/rules/evidence/probe.ts', './some.ts'],
  ['server/src/rules/evidence/probe.ts', '../finding.ts'],
  ['server/src/rules/evidence/probe.ts', '../../flow/state/witness.ts'],
  ['server/src/rules/evidence/probe.ts', '#engine/protocol/steps.ts'],
  ['server/src/fix/probe.ts', './edits/some.ts'],
  ['server/src/fix/edits/probe.ts', './some.ts'],
  ['server/src/fix/edits/probe.ts', '../fix.ts'],
  ['server/src/fix/edits/probe.ts', '../../syntax/tree.ts'],
  ['server/src/explain/probe.ts', '#engine/explore/explore.ts'],
  ['server/src/linter/probe.ts', '../rules/finding.ts'],
  ['server/src/linter/probe.ts', 'node:fs'],
  ['server/src/cli/format/probe.ts', '../../linter/report.ts'],
  ['server/src/cli/probe.ts', '../syntax/lines.ts'],
  ['client/src/probe.ts', 'vscode'],
  ['client/src/probe.ts', '#shared/messages.ts'],
  ['server/src/lsp/probe.ts', '#shared/messages.ts'],
];

let folder: string;
/** Rules that Biome reports, by file. */
let reported: Map<string, string[]>;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-arrows-'));
  copyFileSync(path.join(root, 'biome.json'), path.join(folder, 'biome.json'));
  write('.gitignore', 'node_modules/\n');
  for (const [file, module] of [...refused, ...allowed]) {
    write(probe(file, module), `import { value } from '${module}';\n\nexport const copy = value;\n`);
  }
  write('server/src/rules/cycle-a.ts', "import { b } from './cycle-b.ts';\n\nexport const a = () => b;\n");
  write('server/src/rules/cycle-b.ts', "import { a } from './cycle-a.ts';\n\nexport const b = () => a;\n");
  write('engine/src/model/clock.ts', 'export const now = () => Date.now();\n');
  write('engine/src/model/print.ts', "export const print = () => console.log('x');\n");
  reported = lint();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an import that points upwards is refused', () => {
  it.each(refused)('%s from %s', (file, module) => {
    expect(reported.get(probe(file, module))).toContain('lint/style/noRestrictedImports');
  });
});

describe('an import that points downwards is allowed', () => {
  it.each(allowed)('%s from %s', (file, module) => {
    expect(reported.get(probe(file, module)) ?? []).not.toContain('lint/style/noRestrictedImports');
  });
});

it.each(Object.keys(FOLDERS))('knows every folder of %s', (layer) => {
  const entries = readdirSync(path.join(root, layer), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(folders.sort()).toEqual(Object.keys(FOLDERS[layer]!).sort());
});

it('refuses import cycles', () => {
  expect(reported.get('server/src/rules/cycle-a.ts')).toContain('lint/suspicious/noImportCycles');
});

it.each(['engine/src/model/clock.ts', 'engine/src/model/print.ts'])(
  'refuses I/O and clocks in %s',
  (file) => {
    expect(reported.get(file)).toContain('lint/style/noRestrictedGlobals');
  },
);

it('draws no random numbers in the engine', () => {
  const sources = readdirSync(path.join(root, 'engine/src'), { recursive: true, encoding: 'utf8' });
  const files = sources.filter((name) => name.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(3);
  const guilty = files.filter((name) =>
    /Math\s*\.\s*random/.test(readFileSync(path.join(root, 'engine/src', name), 'utf8')),
  );
  expect(guilty).toEqual([]);
});

/** A file of its own for each probe in a folder, since several probes share one; assets.ts keeps its name. */
function probe(file: string, module: string): string {
  return file.replace('probe.ts', `probe-${module.replace(/\W+/g, '-')}.ts`);
}

function write(name: string, text: string): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function lint(): Map<string, string[]> {
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  let output: string;
  try {
    output = execFileSync(
      process.execPath,
      [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'],
      {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
  } catch (error) {
    // Biome exits 1 when it has something to report.
    output = (error as { stdout: string }).stdout;
  }
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { category: string; location: { path: string } }[];
  };
  const byFile = new Map<string, string[]>();
  for (const { category, location } of diagnostics) {
    byFile.set(location.path, [...(byFile.get(location.path) ?? []), category]);
  }
  return byFile;
}
