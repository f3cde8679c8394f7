/** textDocument/hover */
import { type Hover, type HoverParams, MarkupKind } from 'vscode-languageserver';
import { rangeIn } from '../diagnostics.ts';
import { HOVER_ENTRIES, hoverText, wordAt } from '../hover/text.ts';
import type { Session } from '../session.ts';

export function hover({ documents, client }: Session, { textDocument, position }: HoverParams): Hover | null {
  const document = documents.get(textDocument.uri);
  if (document === undefined) return null;
  const found = wordAt(document.getText(), document.offsetAt(position));
  const entry = found === undefined ? undefined : HOVER_ENTRIES.get(found.word);
  if (found === undefined || entry === undefined) return null;
  const kind = client.markdownHover ? MarkupKind.Markdown : MarkupKind.PlainText;
  return { contents: { kind, value: hoverText(entry, kind) }, range: rangeIn(document, found) };
}
