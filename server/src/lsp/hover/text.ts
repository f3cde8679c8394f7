/** Hover text from the tables. */
import { ACQUIRE_ENTRIES } from './acquire.ts';
import type { HoverEntry } from './entry.ts';
import { FLAG_ENTRIES } from './flags.ts';
import { RELEASE_ENTRIES } from './release.ts';

const DOCUMENT = 'https://docs.kernel.org/core-api/pin_user_pages.html';

export const HOVER_ENTRIES: ReadonlyMap<string, HoverEntry> = new Map(
  [...ACQUIRE_ENTRIES, ...RELEASE_ENTRIES, ...FLAG_ENTRIES].map((entry) => [entry.name, entry]),
);

/** The identifier at a UTF-16 offset of a text, or directly in front of it. */
export function wordAt(
  text: string,
  offset: number,
): { word: string; start: number; end: number } | undefined {
  const isWord = (at: number) => /\w/.test(text[at] ?? '');
  let start = offset;
  while (start > 0 && isWord(start - 1)) start--;
  let end = offset;
  while (isWord(end)) end++;
  return start === end ? undefined : { word: text.slice(start, end), start, end };
}

/** The entry as Markdown, or as plain text for clients that show no Markdown. */
export function hoverText(entry: HoverEntry, format: 'markdown' | 'plaintext'): string {
  const rows = [
    ['refcount', entry.refcount],
    ['pincount', entry.pincount],
    ['for', entry.use],
    ['kernel', lifetime(entry)],
  ].filter((row): row is [string, string] => row[1] !== undefined);
  if (format === 'plaintext') {
    return [entry.signature, '', entry.summary, '', ...rows.map(([name, value]) => `${name}: ${value}`)].join(
      '\n',
    );
  }
  const source =
    entry.section === undefined ? [] : ['', `[pin_user_pages.rst](${DOCUMENT}): ${escaped(entry.section)}`];
  return [
    '```c',
    entry.signature,
    '```',
    escaped(entry.summary),
    '',
    ...rows.map(([name, value]) => `- **${name}**: ${escaped(value)}`),
    ...source,
  ].join('\n');
}

function lifetime({ since, until }: HoverEntry): string | undefined {
  if (since === undefined) return undefined;
  return until === undefined ? `since ${since}` : `${since} to ${until}`;
}

/** Names such as `pin_user_pages*()` are full of Markdown's own characters. */
function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#]/g, '\\$&');
}
