/**
 * A concrete syntax tree as flat arrays: what every layer above syntax/ reads. It holds no parser memory, so the
 * parser's own tree can be freed at once, and native and wasm parsers give the same value.
 *
 * Nodes are numbered in preorder; node 0 is the root. Positions are UTF-16 code units of the whole file, whatever
 * slice was parsed. Anonymous tokens (operators, punctuation) are nodes too.
 */
export interface SyntaxTree {
  /** Text of the whole file, as given by the user (not the dialect's rewriting). */
  readonly text: string;
  readonly count: number;
  /** Node kind: a number from kinds.ts. */
  readonly kind: Uint16Array;
  /** Field name under the parent: a number from kinds.ts, 0 for none. */
  readonly field: Uint8Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** -1 for none. */
  readonly parent: Int32Array;
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  /** Bits: see NodeFlag. */
  readonly flags: Uint8Array;
  /** The tree contains an ERROR or MISSING node. */
  readonly hasError: boolean;
}

export const NodeFlag = { named: 1, error: 2, missing: 4, hasError: 8 } as const;
