/** The known name that a misspelt one is nearest to. */

/** ` (did you mean X?)`, or nothing when no name is near. */
export function suggestion(wrong: string, known: Iterable<string>): string {
  let best = '';
  let distance = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const d = editDistance(wrong.toLowerCase(), name.toLowerCase());
    if (d < distance) {
      best = name;
      distance = d;
    }
  }
  return best === '' ? '' : ` (did you mean \`${best}\`?)`;
}

/** Insertions, deletions and replacements between two texts. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
