import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isOfInterest, PROTOCOL_WORDS } from '#server/linter/input/interest.ts';
import { Scanner } from '#server/linter/input/scan.ts';

const scanner = new Scanner();

function sieve(text: string): boolean {
  const bytes = Buffer.from(text);
  while (bytes.length >= scanner.buffer.length) scanner.grow();
  return scanner.some(bytes.copy(scanner.buffer), isOfInterest);
}

test.each(PROTOCOL_WORDS)('%s is found wherever it stands', (word) => {
  for (let at = 0; at < 40; at++) {
    const before = 'x'.repeat(at);
    expect(sieve(before + word)).toBe(true);
    expect(sieve(`${before}${word}s(a, b);\n${'y'.repeat(at)}`)).toBe(true);
    expect(sieve(before + word.slice(0, -1))).toBe(false);
  }
});

test('what an earlier, longer text left in the buffer is not seen', () => {
  expect(sieve(`${'x'.repeat(100)}get_user_pages`)).toBe(true);
  expect(sieve('x'.repeat(96))).toBe(false);
  expect(sieve('')).toBe(false);
});

test('a text larger than the buffer makes it grow', () => {
  expect(sieve(`${'a_user_ '.repeat(500_000)}pin_user_pages`)).toBe(true);
  expect(sieve('a_user_ '.repeat(500_000))).toBe(false);
});

test('it says what a search for the words says, on any text', () => {
  const piece = fc.constantFrom(
    '_user_page',
    '_user_',
    'iov_iter_get_pages',
    'iov_iter_',
    '_pin_f',
    '_pin_folios',
    '_er_',
    '__',
    'e',
    ' ',
    '\n',
    'ä',
    'pages',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('');
      expect(sieve(text)).toBe(PROTOCOL_WORDS.some((word) => text.includes(word)));
    }),
    { numRuns: 2000 },
  );
});
