import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');

describe('the table of statements in docs/litmus.md', () => {
  it('names every shipped litmus test, and no other', () => {
    const text = readFileSync(path.join(root, 'docs/litmus.md'), 'utf8');
    const table = text.slice(text.indexOf('## What covers which statement'));
    const rows = table.split('\n').filter((line) => line.startsWith('| '));
    const tests = rows.flatMap((row) =>
      [
        ...row
          .split(' | ')
          .at(-1)!
          .matchAll(/`([^`]+)`/g),
      ].map((m) => m[1]),
    );
    const shipped = readdirSync(path.join(root, 'examples/litmus')).map((name) =>
      name.replace('.litmus', ''),
    );
    expect([...new Set(tests)].sort()).toEqual(shipped.sort());
  });
});
