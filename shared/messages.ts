/**
 * What the language server and its clients say to each other beyond the Language Server Protocol. Both sides import
 * this file and nothing of each other. Positions are those of the protocol: lines from 0, characters in UTF-16 units.
 */

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** What a client can do beyond the protocol: the `initializationOptions`. */
export interface ClientAbilities {
  /** Command that shows the answer of `gupcheck/explain`; its arguments are one ExplainParams. Without it no such action is offered. */
  readonly explainCommand?: string;
}

/** Request: what a run showed about a finding. Answer: ExplainResult, or null where there is no finding. */
export const EXPLAIN_REQUEST = 'gupcheck/explain';

export interface ExplainParams {
  readonly textDocument: { readonly uri: string };
  /** The finding's `data.fingerprint`. */
  readonly fingerprint?: string;
  /** A place in the finding; the narrowest finding there is meant. Used where there is no fingerprint. */
  readonly position?: Position;
}

/** A place in the text of an explanation that speaks of a place in the source. */
export interface ExplainLink {
  readonly range: Range;
  readonly target: Range;
}

/** A step of the counterexample. */
export interface ExplainStep {
  /** `driver`, or the name of a kernel actor. */
  readonly actor: string;
  readonly call: string;
  readonly note: string;
  /** Where the driver does it; absent for kernel actors. */
  readonly range?: Range;
}

export interface ExplainResult {
  readonly fingerprint: string;
  readonly code: string;
  /** For instance `GUP201 status_page.c:21`. */
  readonly title: string;
  /** The text of `gupcheck why`. */
  readonly text: string;
  readonly links: readonly ExplainLink[];
  readonly steps: readonly ExplainStep[];
}

/** The `data` of a diagnostic: all that a code action needs. */
export interface DiagnosticData {
  readonly fingerprint: string;
}
