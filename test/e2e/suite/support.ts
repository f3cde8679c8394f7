/** What the suite's tests share. */
import { deepStrictEqual } from 'node:assert';
import * as vscode from 'vscode';

export const equal: (actual: unknown, expected: unknown) => void = deepStrictEqual;

/** Waits until a value is as wanted, at most 20 seconds. */
export async function eventually<T>(get: () => T | Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = await get();
    if (wanted(value)) return value;
    if (Date.now() > end) throw new Error(`waited in vain; last: ${JSON.stringify(value)}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

export function folder(): vscode.Uri {
  return vscode.workspace.workspaceFolders![0]!.uri;
}

export async function show(name: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder(), name));
  await vscode.window.showTextDocument(document);
  return document;
}

export function findings(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'gupcheck');
}

/** The code of a finding; VS Code wraps it in an object when it has a page. */
export function codeOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === 'object' ? code.value : code);
}

export function codes(uri: vscode.Uri): string[] {
  return findings(uri).map(codeOf);
}

/** Waits for exactly these findings. */
export function found(uri: vscode.Uri, expected: readonly string[]): Promise<unknown> {
  return eventually(
    () => codes(uri),
    (now) => now.join() === expected.join(),
  );
}

export async function replace(document: vscode.TextDocument, before: string, after: string): Promise<void> {
  const start = document.getText().indexOf(before);
  if (start < 0) throw new Error(`${before} is not in ${document.uri}`);
  const edit = new vscode.WorkspaceEdit();
  const range = new vscode.Range(document.positionAt(start), document.positionAt(start + before.length));
  edit.replace(document.uri, range, after);
  equal(await vscode.workspace.applyEdit(edit), true);
}
