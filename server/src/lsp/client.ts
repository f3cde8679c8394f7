/** What the client at the other end can do: read once, from `initialize`. */
import type { InitializeParams } from 'vscode-languageserver';
import type { ClientAbilities } from '#shared/messages.ts';

export interface Client {
  readonly pullsDiagnostics: boolean;
  readonly refreshesDiagnostics: boolean;
  readonly relatedInformation: boolean;
  readonly codeDescription: boolean;
  /** Sends workspace/configuration answers. */
  readonly configuration: boolean;
  /** Wants to be asked for workspace/didChangeConfiguration. */
  readonly registersConfiguration: boolean;
  readonly registersWatchers: boolean;
  readonly versionedEdits: boolean;
  /** Shows a code action that cannot be applied, with its reason. */
  readonly disabledActions: boolean;
  readonly markdownHover: boolean;
  /** Command that shows an explanation. */
  readonly explainCommand?: string;
}

export function clientOf({ capabilities, initializationOptions }: InitializeParams): Client {
  const { workspace, textDocument } = capabilities;
  const formats = textDocument?.hover?.contentFormat;
  const { explainCommand } = (initializationOptions ?? {}) as ClientAbilities;
  return {
    pullsDiagnostics: textDocument?.diagnostic !== undefined,
    refreshesDiagnostics: workspace?.diagnostics?.refreshSupport === true,
    relatedInformation: flagOf(textDocument, 'relatedInformation'),
    codeDescription: flagOf(textDocument, 'codeDescriptionSupport'),
    configuration: workspace?.configuration === true,
    registersConfiguration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    registersWatchers: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    disabledActions: textDocument?.codeAction?.disabledSupport === true,
    versionedEdits: workspace?.workspaceEdit?.documentChanges === true,
    markdownHover: formats?.includes('markdown') === true,
    ...(typeof explainCommand === 'string' && { explainCommand }),
  };
}

/** What a diagnostic may carry is said once, for pushed and pulled ones, in either place. */
function flagOf(
  textDocument: InitializeParams['capabilities']['textDocument'],
  name: 'relatedInformation' | 'codeDescriptionSupport',
): boolean {
  return textDocument?.publishDiagnostics?.[name] === true || textDocument?.diagnostic?.[name] === true;
}
