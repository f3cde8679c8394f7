/** Links from the text of an explanation to the places in the source that it names. */
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { ExplainLink } from '#shared/messages.ts';

/**
 * Finds each `name:line` and `name:line:column` of the source's own name. Columns count characters, as in the text of
 * `gupcheck why`.
 */
export function linksIn(text: string, name: string, source: TextDocument): ExplainLink[] {
  const pattern = new RegExp(`(?<![\\w/.-])${escaped(name)}:(\\d+)(?::(\\d+))?`, 'g');
  return text.split('\n').flatMap((line, number) =>
    [...line.matchAll(pattern)].map((match): ExplainLink => {
      const at = {
        line: Number(match[1]) - 1,
        character:
          match[2] === undefined ? 0 : utf16Column(source, Number(match[1]) - 1, Number(match[2]) - 1),
      };
      return {
        range: {
          start: { line: number, character: match.index },
          end: { line: number, character: match.index + match[0].length },
        },
        target: { start: at, end: at },
      };
    }),
  );
}

function utf16Column(source: TextDocument, line: number, characters: number): number {
  const text = source.getText({ start: { line, character: 0 }, end: { line: line + 1, character: 0 } });
  return [...text].slice(0, characters).join('').length;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
