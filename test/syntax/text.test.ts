import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSource } from '#server/syntax/decode.ts';
import { LineIndex } from '#server/syntax/lines.ts';

describe('lines', () => {
  test.each([
    ['a\nb', 2, { line: 2, column: 1, utf16Column: 1 }],
    ['a\r\nb', 3, { line: 2, column: 1, utf16Column: 1 }],
    ['a\rb', 2, { line: 2, column: 1, utf16Column: 1 }],
    ['\tx', 1, { line: 1, column: 2, utf16Column: 2 }],
    ['é x', 2, { line: 1, column: 3, utf16Column: 3 }],
    ['𝄞𝄞 x', 5, { line: 1, column: 4, utf16Column: 6 }],
    ['a\n𝄞x', 4, { line: 2, column: 2, utf16Column: 3 }],
    ['ab', 99, { line: 1, column: 3, utf16Column: 3 }],
    ['ab', -1, { line: 1, column: 1, utf16Column: 1 }],
    ['', 0, { line: 1, column: 1, utf16Column: 1 }],
    ['a\n', 2, { line: 2, column: 1, utf16Column: 1 }],
  ])('in %j offset %i is %j', (text, offset, place) => {
    expect(new LineIndex(text).placeOf(offset)).toEqual(place);
  });

  test('give their text without the break', () => {
    const lines = new LineIndex('a\r\n\tb\n\rc');
    expect([0, 1, 2, 3, 4, 5].map((line) => lines.lineText(line))).toEqual(['', 'a', '\tb', '', 'c', '']);
    expect(lines.count).toBe(4);
    expect(lines.startOf(2)).toBe(3);
  });

  test('lead back to the offset', () => {
    const text = fc
      .array(fc.constantFrom('a', '\t', '\n', '\r\n', 'é', '𝄞'))
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, fc.nat(40), (content, at) => {
        const lines = new LineIndex(content);
        const offset = Math.min(at, content.length);
        const { line, utf16Column } = lines.placeOf(offset);
        const inBreak = content[offset] === '\n' && content[offset - 1] === '\r';
        expect(lines.offsetOf(line, utf16Column)).toBe(inBreak ? offset - 1 : offset);
      }),
    );
  });

  test('clamp what is outside', () => {
    const lines = new LineIndex('ab\ncd');
    expect([lines.offsetOf(0, 1), lines.offsetOf(1, 9), lines.offsetOf(9, 9), lines.offsetOf(2, 0)]).toEqual([
      0, 2, 5, 3,
    ]);
  });
});

describe('decoding', () => {
  const bytes = (...values: (number | string)[]) =>
    Uint8Array.from(
      values.flatMap((value) => (typeof value === 'number' ? [value] : [...Buffer.from(value)])),
    );

  test.each([
    ['UTF-8', bytes('é𝄞'), { kind: 'text', text: 'é𝄞', encoding: 'utf-8', bom: false }],
    [
      'a byte order mark',
      bytes(0xef, 0xbb, 0xbf, 'a'),
      { kind: 'text', text: 'a', encoding: 'utf-8', bom: true },
    ],
    [
      'bytes that are not UTF-8',
      bytes('a', 0xe9, 'b'),
      { kind: 'text', text: 'aéb', encoding: 'latin1', bom: false },
    ],
    ['a truncated character', bytes('a', 0xe2, 0x82), { kind: 'text', encoding: 'latin1' }],
    ['nothing', bytes(), { kind: 'text', text: '', encoding: 'utf-8' }],
    ['a NUL byte', bytes('a', 0, 'b'), { kind: 'binary' }],
  ])('%s', (_name, content, decoded) => {
    expect(decodeSource(content)).toMatchObject(decoded);
  });

  test('never throws, and latin1 keeps one character a byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (content) => {
        const decoded = decodeSource(content);
        if (decoded.kind === 'text' && decoded.encoding === 'latin1') {
          expect(decoded.text.length + (decoded.bom ? 3 : 0)).toBe(content.length);
        }
      }),
    );
  });
});
