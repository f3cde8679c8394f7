/** What all handlers share. */
import {
  type CancellationToken,
  type Connection,
  MessageType,
  ShowMessageNotification,
  type TextDocuments,
} from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { ReportedFinding } from '../linter/file/report.ts';
import type { InputProblem } from '../linter/input/discover.ts';
import type { Analysed, Analyses } from './analyses.ts';
import type { Client } from './client.ts';
import type { Log } from './log.ts';
import type { SettingsStore } from './settings-store.ts';

export interface Session {
  readonly connection: Connection;
  readonly documents: TextDocuments<TextDocument>;
  readonly client: Client;
  readonly settings: SettingsStore;
  readonly analyses: Analyses;
  /** Documents that are still open and whose files are gone: nothing is said about them. */
  readonly deleted: Set<string>;
  /** What was said of configurations. */
  readonly complaints: Set<string>;
  readonly log: Log;
}

/** A document and what is said about it in its present state; undefined when it is not open or not analysed. */
export async function analysedDocument(
  session: Session,
  uri: string,
  token?: CancellationToken,
): Promise<{ document: TextDocument; analysed: Analysed } | undefined> {
  const settings = await session.settings.of(uri);
  complain(session, await session.analyses.prepare(uri));
  // Read after the wait: the document may have been edited or closed meanwhile.
  const document = session.deleted.has(uri) ? undefined : session.documents.get(uri);
  const analysed = document === undefined ? undefined : await session.analyses.of(document, settings, token);
  return document === undefined || analysed === undefined ? undefined : { document, analysed };
}

/** Shows what is wrong with a configuration, once until it is something else. */
function complain({ connection, complaints, log }: Session, problems: readonly InputProblem[]): void {
  const lines = problems.map(({ place, what, cure }) => `${place}: ${what}; ${cure}`);
  for (const line of lines) {
    if (complaints.has(line)) continue;
    log.warn(line);
    const message = `gupcheck: ${line}`;
    void connection.sendNotification(ShowMessageNotification.type, { type: MessageType.Error, message });
  }
  complaints.clear();
  for (const line of lines) complaints.add(line);
}

/** The finding with a fingerprint. */
export function findingBy(analysed: Analysed, fingerprint: string): ReportedFinding | undefined {
  return analysed.report.findings.find((finding) => finding.fingerprint === fingerprint);
}
