/**
 * Quick fixes: each case is a function with a finding, and what the fix makes of it. In a case, `-` marks lines that go
 * and `+` lines that come.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FIXERS } from '#server/fix/index.ts';
import { RULES } from '#server/rules/index.ts';
import { fixed } from './support.ts';

const folder = new URL('./cases/', import.meta.url);

interface Case {
  readonly name: string;
  /** `title: …`, `unsafe`, `kernel: …`, `none: …` with the reason. */
  readonly facts: ReadonlyMap<string, string>;
  readonly before: string;
  readonly after: string;
}

/** Reads `## name`, facts as list items, and one fenced block of C in the form of a diff. */
function casesOf(markdown: string): Case[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [head = '', block = ''] = section.split('```diff\n');
      const [name = '', ...lines] = head.trim().split('\n');
      const facts = lines
        .filter((line) => line.startsWith('- '))
        .map((line) => line.slice(2).split(': '))
        .map(([key = '', ...value]) => [key, value.join(': ')] as const);
      const body = block.slice(0, block.indexOf('```')).split('\n').slice(0, -1);
      const side = (other: string) =>
        body
          .filter((line) => !line.startsWith(other))
          .map((line) => `${line.slice(1)}\n`)
          .join('');
      return { name, facts: new Map(facts), before: side('+'), after: side('-') };
    });
}

const files = readdirSync(folder).sort();

it('covers every rule that has a fix', () => {
  expect(files).toEqual(Object.keys(FIXERS).map((code) => `${code}.md`));
});

describe.each(files.map((file) => [file.replace('.md', ''), file]))('the fix of %s', (code, file) => {
  const cases = casesOf(readFileSync(new URL(file, folder), 'utf8'));

  it.each(cases.map((each) => [each.name, each] as const))('%s', (_name, { facts, before, after }) => {
    const result = fixed(code, before, facts.get('kernel'));
    if (facts.has('none')) {
      expect(result).toEqual({ refused: facts.get('none') });
      return;
    }
    if ('refused' in result) throw new Error(`no edit: ${result.refused}`);
    expect(result.text).toBe(after);
    expect(result.left).toEqual([]);
    expect(result.fix.safety).toBe(facts.has('unsafe') ? 'unsafe' : 'safe');
    if (facts.has('title')) expect(result.fix.title).toBe(facts.get('title'));
  });

  it('mends the rule’s own bad example, with any line ends', () => {
    const { bad } = RULES.find((rule) => rule.code === code)!;
    const plain = fixed(code, bad);
    const crlf = fixed(code, bad.replaceAll('\n', '\r\n'));
    if ('refused' in plain || 'refused' in crlf) throw new Error('no edit');
    expect(plain.left).toEqual([]);
    expect(crlf.text).toBe(plain.text.replaceAll('\n', '\r\n'));
  });
});
