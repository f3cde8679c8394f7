/** A document that is open in a running language server, for its tests. */
import type { WorkspaceEdit } from 'vscode-languageserver-protocol/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { BAD } from '../write-under-get.ts';
import { Client } from './client.ts';

export const CALL = 'get_user_pages_fast(addr, 1, FOLL_WRITE, &page)';
export const FOUND = [`GUP201 ${CALL}`];
export const URI = 'untitled:a.c';

/** So many functions that their analysis takes several turns of the server. */
export const FUNCTIONS = 80;
export const MANY = Array.from({ length: FUNCTIONS }, (_, i) => BAD.replace('fill', `fill${i}`)).join('\n');

export async function opened(text = BAD, options = {}): Promise<Client> {
  const client = await Client.start(options);
  await client.open(URI, text);
  return client;
}

export function edited(client: Client, edit: WorkspaceEdit | undefined): string {
  const change = edit?.documentChanges?.[0];
  const edits = change !== undefined && 'edits' in change ? change.edits : (edit?.changes?.[URI] ?? []);
  return TextDocument.applyEdits(
    client.document(URI),
    edits.map((each) => ({ range: each.range, newText: 'newText' in each ? each.newText : '' })),
  );
}
