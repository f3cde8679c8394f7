/** The smallest single edit between two texts, in the form in which tree-sitter wants it. */

export interface Point {
  readonly row: number;
  readonly column: number;
}

export interface Edit {
  readonly startIndex: number;
  readonly oldEndIndex: number;
  readonly newEndIndex: number;
  readonly startPosition: Point;
  readonly oldEndPosition: Point;
  readonly newEndPosition: Point;
}

/** The edit that turns `before` into `after`; undefined when they are equal. */
export function editBetween(before: string, after: string): Edit | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let kept = 0;
  const most = shorter - start;
  while (
    kept < most &&
    before.charCodeAt(before.length - 1 - kept) === after.charCodeAt(after.length - 1 - kept)
  ) {
    kept++;
  }
  const oldEndIndex = before.length - kept;
  const newEndIndex = after.length - kept;
  const startPosition = advance(before, 0, start, { row: 0, column: 0 });
  return {
    startIndex: start,
    oldEndIndex,
    newEndIndex,
    startPosition,
    oldEndPosition: advance(before, start, oldEndIndex, startPosition),
    newEndPosition: advance(after, start, newEndIndex, startPosition),
  };
}

function advance(text: string, from: number, to: number, point: Point): Point {
  let { row } = point;
  let lineStart = from - point.column;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) {
    row++;
    lineStart = at + 1;
  }
  return { row, column: to - lineStart };
}
