/** The packaged extension: exactly these files, small, with the wasm parser and without native code. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-vsix-'));
let archive: Buffer;
let files: Map<string, Buffer>;

beforeAll(() => {
  const vsix = path.join(folder, 'gupcheck.vsix');
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  execFileSync(process.execPath, ['scripts/package.mjs', vsix], { cwd: root, stdio: [...stdio] });
  archive = readFileSync(vsix);
  files = unzip(archive);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('has these files and no others', () => {
  expect([...files.keys()].sort()).toEqual([
    '[Content_Types].xml',
    'extension.vsixmanifest',
    'extension/LICENSE.txt',
    'extension/changelog.md',
    'extension/dist/extension.cjs',
    'extension/dist/server.cjs',
    'extension/dist/tree-sitter-c.wasm',
    'extension/dist/web-tree-sitter.wasm',
    'extension/docs/images/icon.png',
    'extension/package.json',
    'extension/readme.md',
    'extension/schemas/gupcheck.schema.json',
    'extension/syntaxes/gup-c.tmLanguage.json',
    'extension/syntaxes/gup-litmus.configuration.json',
    'extension/syntaxes/gup-litmus.tmLanguage.json',
    'extension/syntaxes/gup-suppression.tmLanguage.json',
    'extension/syntaxes/gup-trace.configuration.json',
    'extension/syntaxes/gup-trace.tmLanguage.json',
  ]);
});

it('is smaller than 1.5 MB', () => {
  expect(archive.length).toBeLessThan(1_500_000);
});

it('contains every file that its manifest names', () => {
  const manifest = JSON.parse(text('extension/package.json'));
  const { grammars, languages, jsonValidation } = manifest.contributes;
  const named: string[] = [
    manifest.main,
    manifest.icon,
    ...grammars.map((each: { path: string }) => each.path),
    ...jsonValidation.map((each: { url: string }) => each.url),
    ...languages.map((each: { configuration: string }) => each.configuration),
  ];
  for (const name of named) expect(files.has(`extension/${path.posix.normalize(name)}`), name).toBe(true);
});

it('asks for trust in nothing, and installs nothing', () => {
  const manifest = JSON.parse(text('extension/package.json'));
  expect(manifest.capabilities.untrustedWorkspaces).toEqual({ supported: true });
  for (const field of ['dependencies', 'devDependencies', 'scripts', 'bin', 'files']) {
    expect(manifest).not.toHaveProperty(field);
  }
});

it('shows its screenshot from where the repository has it', () => {
  expect(text('extension/readme.md')).toMatch(
    /!\[[^\]]+\]\(https:\/\/github\.com\/gupcheck\/gupcheck\/raw\/main\/docs\/images\/editor\.png\)/,
  );
});

it('names no path of the machine that it was built on', () => {
  for (const [name, content] of files) expect(content.includes(root), name).toBe(false);
});

function text(name: string): string {
  return files.get(name)!.toString('utf8');
}

/** Reads a zip archive by its central directory (APPNOTE 4.3.12). */
function unzip(zip: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    );
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength!);
    const size = zip.readUInt32LE(at + 20);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + size);
    found.set(name, zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
    at += 46 + nameLength! + extraLength! + commentLength!;
  }
  return found;
}
