/**
 * What is kept of a file's flow between two versions of its text, so that an edit runs again only the entry points that
 * reach what it changed. A run depends on: the text of every function that it can reach in the file, what those hand
 * over, and which conditions are written again elsewhere. All of that is compared, so an answer from memory is the
 * answer that a run would give.
 */
import type { SourceFile } from '../syntax/source.ts';
import { type CallTable, tableOf } from './facts/call-table.ts';
import type { LoweredFacts } from './facts/function-facts.ts';
import { FilePieces, type Piece } from './facts/pieces.ts';
import { type Moves, movesBetween } from './facts/sense.ts';
import type { Held } from './held/held.ts';
import type { RunSummary } from './held/holds.ts';
import type { Leaves } from './held/leaves.ts';
import type { PairInfo } from './held/pairs.ts';
import type { FunctionIr } from './lower/ir.ts';
import { answerOf, type FileTypes } from './lower/structs.ts';

/** Whether what was made of a run still holds, where places have `moved` in some of its functions, by name. */
export type Holds = (identity: RunIdentity, moved: ReadonlyMap<string, Moves>) => boolean;

/** Identity of one run of an entry point. The same object comes back for as long as its result holds. */
export interface RunIdentity {
  /** Functions of the file that its results may refer to. */
  readonly reach: readonly string[];
}

/** A run as it is remembered: all but its observations, whose places move. */
export interface RememberedRun {
  readonly identity: RunIdentity;
  readonly steps: number;
  readonly cut: boolean;
  readonly handsOver: boolean;
  readonly pair?: PairInfo;
  readonly leaves: Leaves;
  /** What it leaves where it fails. */
  readonly failed?: Leaves;
  /** Of the run of an entry point: what decides how long its pages are held. */
  readonly summary?: RunSummary;
  /** Functions of whose text it depends. Of the others that it can reach, it depends on what they call. */
  readonly used: ReadonlySet<string>;
  /** What was asked of the types that the file declares, and the answers. */
  readonly types: ReadonlyMap<string, string | undefined>;
  /** Functions that were lowered for it, in order, and the conditions that counted as repeated in them. */
  readonly lowered: readonly (readonly [string, LoweredFacts])[];
  readonly repeated: readonly (readonly [string, ReadonlySet<string>])[];
}

/** What a run finds before it starts. */
export interface Surroundings {
  readonly lowered: ReadonlyMap<string, LoweredFacts>;
  readonly repeated: ReadonlyMap<string, ReadonlySet<string>>;
  readonly handsOver: ReadonlySet<string>;
  readonly types: FileTypes;
  /** Lowers a function that stands in the file, now: `ir` of its piece. */
  readonly lower: (name: string) => FunctionIr | undefined;
}

/** What a run depends on besides the text of one function and its callees. */
export interface RunScope {
  /** Distinguishes it from other runs. */
  readonly name: string;
  /** Functions that it starts from. */
  readonly roots: readonly string[];
  /** It looks at these alone, not at what they call. */
  readonly rootsOnly?: true;
  /** Anything else, as text. */
  readonly also: string;
  /** Functions in which its results have places that `also` tells, besides those that it runs. */
  readonly places?: readonly string[];
}

interface Entry {
  /** For each function that the run can reach: its name, and a number for what the run depends on of it. */
  texts: readonly string[];
  /** The texts of those that it looks at. */
  readonly pieces: Map<string, Piece>;
  readonly also: string;
  readonly context: string;
  readonly run: RememberedRun;
  used: boolean;
}

/** Half-typed calls are many in a long session. */
const MAX_NUMBERS = 2_000;

export class FlowMemo {
  readonly #entries = new Map<string, Entry>();
  readonly #pieces = new FilePieces();
  readonly #holds: Holds;
  /** Of two texts of a function: how places move from one to the other, or null where they mean different things. */
  readonly #moves = new Map<string, Moves | null>();
  readonly #identities = new WeakMap<RunIdentity, number>();
  readonly #left = new WeakMap<RunIdentity, { readonly places: string; readonly left: readonly Held[] }>();
  #nextId = 0;
  readonly #callNumbers = new Map<string, number>();
  #names = '';
  #table: CallTable | undefined;

  /** `holds` says of a remembered run whether what was made of it holds as well. */
  constructor(holds: Holds = (_, moved) => moved.size === 0) {
    this.#holds = holds;
  }

  /** Starts a version of the file: everything below refers to it. */
  begin(source: SourceFile): CallTable {
    const table = tableOf(source, this.#pieces.read(source));
    // The same object is compared at once.
    if (table.names !== this.#names) this.#names = table.names;
    this.#table = { ...table, names: this.#names };
    return this.#table;
  }

  /** The remembered run of an entry point, if nothing that it depends on has changed. */
  recall(scope: RunScope, surroundings: Surroundings): RememberedRun | undefined {
    const entry = this.#entries.get(scope.name);
    if (entry === undefined || entry.also !== scope.also) return undefined;
    const reach = this.#reach(scope);
    const { run, pieces } = entry;
    const texts = this.#texts(reach, run.used);
    const moved = this.#movesSince(entry, reach, texts, surroundings);
    if (moved === undefined || entry.context !== contextOf(reach, surroundings, run.lowered))
      return undefined;
    for (const [question, answer] of run.types)
      if (answerOf(surroundings.types, question) !== answer) return undefined;
    if (!this.#holds(run.identity, moved)) return undefined;
    const table = this.#table!;
    for (const name of moved.keys()) pieces.set(name, table.pieces[table.indexOf.get(name)!]!);
    entry.texts = texts;
    entry.used = true;
    return run;
  }

  /** Remembers a run. `surroundings` are those from before it. */
  remember(scope: RunScope, surroundings: Surroundings, run: Omit<RememberedRun, 'identity'>): RunIdentity {
    const reach = this.#reach(scope);
    const { indexOf, pieces } = this.#table!;
    const identity = { reach: [...reach, ...(scope.places ?? [])] };
    this.#identities.set(identity, this.#nextId++);
    this.#entries.set(scope.name, {
      texts: this.#texts(reach, run.used),
      pieces: new Map([...run.used].map((name) => [name, pieces[indexOf.get(name)!]!])),
      also: scope.also,
      context: contextOf(reach, surroundings, run.lowered),
      run: { ...run, identity },
      used: true,
    });
    return identity;
  }

  /** Keeps what a run left held, with its places: those of `used`, the functions that it looked at. */
  keepLeft(identity: RunIdentity, used: Iterable<string>, left: readonly Held[]): void {
    this.#left.set(identity, { places: this.#placesOf(used), left });
  }

  /** What a run left held; undefined where that is not known, or its places have moved. */
  leftBy(identity: RunIdentity, used: Iterable<string>): readonly Held[] | undefined {
    const known = this.#left.get(identity);
    return known?.places === this.#placesOf(used) ? known.left : undefined;
  }

  #placesOf(functions: Iterable<string>): string {
    const { indexOf, pieces, starts } = this.#table!;
    return [...functions]
      .map((name) => `${pieces[indexOf.get(name)!]!.id}@${starts[indexOf.get(name)!]}`)
      .join();
  }

  /** Forgets a run whose results cannot be carried over. */
  forget(identity: RunIdentity): void {
    for (const [name, { run }] of this.#entries) if (run.identity === identity) this.#entries.delete(name);
  }

  /** Ends a version: runs that it did not need are forgotten. */
  end(): void {
    for (const [name, entry] of this.#entries) {
      if (!entry.used) this.#entries.delete(name);
      entry.used = false;
    }
    this.#table = undefined;
    this.#moves.clear();
  }

  /** A number for a run, the same as long as its result holds. */
  numberOf(identity: RunIdentity): number {
    return this.#identities.get(identity) ?? -1;
  }

  /** Functions and all that they call, directly or not, in the file. */
  #reach({ roots, rootsOnly }: RunScope): readonly string[] {
    if (rootsOnly) return roots;
    const table = this.#table!;
    const found = new Set(roots);
    for (const each of found) {
      for (const callee of table.callees[table.indexOf.get(each)!]!) {
        if (table.indexOf.has(callee)) found.add(callee);
      }
    }
    return [...found];
  }

  /** A number for what a function calls. */
  #callNumber(piece: Piece, callees: ReadonlySet<string>): number {
    return piece.fact('call number', () => {
      const text = [...callees].join();
      if (this.#callNumbers.size > MAX_NUMBERS) this.#callNumbers.clear();
      const number = this.#callNumbers.get(text) ?? this.#nextId++;
      this.#callNumbers.set(text, number);
      return number;
    });
  }

  #texts(reach: readonly string[], used: ReadonlySet<string>): string[] {
    const { indexOf, pieces, callees } = this.#table!;
    return reach.map((name) => {
      const index = indexOf.get(name)!;
      const { [index]: piece } = pieces;
      return used.has(name) ? `${name}#${piece!.id}` : `${name}:${this.#callNumber(piece!, callees[index]!)}`;
    });
  }

  /** How places have moved in functions whose new text means the same; undefined where the run is another one now. */
  #movesSince(
    { texts: before, pieces: piecesBefore, run }: Entry,
    reach: readonly string[],
    texts: readonly string[],
    { lower }: Surroundings,
  ): Map<string, Moves> | undefined {
    if (before.length !== texts.length) return undefined;
    const changed = reach.filter((_, i) => texts[i] !== before[i]);
    const moved = new Map<string, Moves>();
    if (changed.some((name) => !run.used.has(name))) return undefined;
    for (const name of changed) {
      const { indexOf, pieces } = this.#table!;
      const moves = this.#movesTo(piecesBefore.get(name), pieces[indexOf.get(name)!]!, () => lower(name));
      if (moves === null) return undefined;
      moved.set(name, moves);
    }
    return moved;
  }

  #movesTo(from: Piece | undefined, to: Piece, lower: () => unknown): Moves | null {
    if (from === undefined) return null;
    const key = `${from.id} ${to.id}`;
    let moves = this.#moves.get(key);
    if (moves === undefined) {
      moves = movesBetween(from, to, lower) ?? null;
      this.#moves.set(key, moves);
    }
    return moves;
  }
}

/** The part of the surroundings that a run depends on, as text. `lowered` are the functions that the run lowers itself. */
function contextOf(
  reach: readonly string[],
  { lowered, repeated, handsOver }: Surroundings,
  own: readonly (readonly [string, LoweredFacts])[],
): string {
  const inside = new Set(reach);
  const elsewhere = new Set<string>();
  for (const [name, { conditions }] of lowered) {
    if (!inside.has(name)) for (const condition of conditions) elsewhere.add(condition);
  }
  const conditionsOf = new Map(own);
  const parts = reach.map((name) => {
    const conditions = (lowered.get(name) ?? conditionsOf.get(name))?.conditions ?? [];
    const again = conditions.filter((condition) => elsewhere.has(condition));
    const fixed = repeated.get(name);
    return [
      handsOver.has(name) ? 'h' : '',
      lowered.has(name) ? 'l' : '',
      again.join('\x01'),
      fixed === undefined ? '-' : [...fixed].join('\x01'),
    ].join('\x02');
  });
  return parts.join('\x03');
}
