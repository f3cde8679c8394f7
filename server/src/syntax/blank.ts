/** Blanking text in place: same length, same line breaks, so that no position moves. */

const SPACES = ' '.repeat(4096);

/** `count` blanks. */
export function blanks(count: number): string {
  return count <= SPACES.length ? SPACES.slice(0, count) : ' '.repeat(count);
}

/** The text with everything but line breaks turned into blanks. */
export function blanked(text: string): string {
  if (!text.includes('\n') && !text.includes('\r')) return blanks(text.length);
  return text.replace(/[^\r\n]+/g, (piece) => blanks(piece.length));
}

/** Blanks the given ranges of `text`. They are sorted and do not overlap: start and end, alternating. */
export function blankRanges(text: string, ranges: readonly number[]): string {
  if (ranges.length === 0) return text;
  const pieces: string[] = [];
  let done = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const start = ranges[i]!;
    const end = ranges[i + 1]!;
    pieces.push(text.slice(done, start), blanked(text.slice(start, end)));
    done = end;
  }
  pieces.push(text.slice(done));
  return pieces.join('');
}
