/** The functions of a file and its headers by name, and who calls whom. */
import type { SourceFile } from '../../syntax/source.ts';
import { cleanupCallees, cleanupDefinitions, type Definitions } from '../lower/cleanup.ts';
import type { Piece, Placed } from './pieces.ts';

/** Functions by name, and for each the names that it calls: those of the file in its order, then those of headers. */
export interface CallTable {
  readonly indexOf: ReadonlyMap<string, number>;
  readonly callees: readonly ReadonlySet<string>[];
  /** The text of each, with what is known of it; and all pieces of the file in its order. */
  readonly pieces: readonly Piece[];
  readonly inOrder: readonly Placed[];
  /** Where each function of the file starts; undefined for those of headers. */
  readonly starts: readonly (number | undefined)[];
  /** Another text for another set of names. */
  readonly names: string;
  /** Functions of the file and its headers that call one of them, itself left out. */
  callersOf(name: string): readonly string[];
  /** Names of members that each function of the file mentions, in its order. Functions of headers have none. */
  members(): readonly ReadonlySet<string>[];
}

const MEMBER = /(?:->|\.)\s*([A-Za-z_]\w*)/g;

const CALL = /\b([A-Za-z_]\w*)\s*\(/g;

/** The table of a version of a file, of its pieces. */
export function tableOf(
  source: SourceFile,
  {
    functions: pieces,
    inOrder,
  }: { readonly functions: readonly Piece[]; readonly inOrder: readonly Placed[] },
): CallTable {
  const indexOf = new Map<string, number>();
  [...source.functions, ...source.inlines.values()].forEach(({ name }, index) => {
    // Of two functions of one name the first counts.
    if (!indexOf.has(name)) indexOf.set(name, index);
  });
  // Of a function that mentions a cleanup which is another one now, the piece is new.
  const cleanups = cleanupDefinitions(source.code);
  const callees = pieces.map((piece) => piece.fact('callees', (p) => calleesIn(p, cleanups)));
  let callers: Map<string, string[]> | undefined;
  let members: readonly ReadonlySet<string>[] | undefined;
  return {
    indexOf,
    callees,
    pieces,
    inOrder,
    starts: source.functions.map(({ start }) => start),
    names: [...indexOf.keys()].join(),
    callersOf: (name) => {
      callers ??= callersIn(indexOf, callees);
      return callers.get(name) ?? [];
    },
    members: () => {
      members ??= pieces.map((piece) => piece.fact('members', membersIn));
      return members;
    },
  };
}

/** Calls by name, read off a function's code. */
function calleesIn({ expanded, bodyAt }: Piece, cleanups: Definitions): ReadonlySet<string> {
  const names = new Set(cleanupCallees(expanded, cleanups));
  for (const match of expanded.slice(bodyAt).matchAll(CALL)) names.add(match[1]!);
  return names;
}

function membersIn({ code, bodyAt }: Piece): ReadonlySet<string> {
  return new Set([...code.slice(bodyAt).matchAll(MEMBER)].map((match) => match[1]!));
}

function callersIn(
  indexOf: ReadonlyMap<string, number>,
  callees: readonly ReadonlySet<string>[],
): Map<string, string[]> {
  const callers = new Map<string, string[]>();
  for (const [caller, index] of indexOf) {
    for (const callee of callees[index]!) {
      if (callee === caller || !indexOf.has(callee)) continue;
      const list = callers.get(callee);
      if (list === undefined) callers.set(callee, [caller]);
      else list.push(caller);
    }
  }
  return callers;
}
