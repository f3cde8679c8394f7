/**
 * What is kept of a file's flow between two versions of its text, so that an edit runs again only the entry points that
 * reach what it changed. A run depends on: the text of every function that it can reach in the file, what those hand
 * over, and which conditions are written again elsewhere. All of that is compared, so an answer from memory is the
 * answer that a run would give.
 */
import type { SourceFile } from '../syntax/source.ts';
import type { PairInfo } from './pairs.ts';

/** What is known of a function once it was lowered. */
export interface LoweredFacts {
  readonly conditions: readonly string[];
  readonly partlyRead: boolean;
}

/** Identity of one run of an entry point. The same object comes back for as long as its result holds. */
export interface RunIdentity {
  /** Functions of the file that the run can reach: the only ones that its results refer to. */
  readonly reach: readonly string[];
}

/** What a run leaves to other entry points. */
export interface Leaves {
  /** Names of the members (with a dot) and variables that lead to pages. */
  readonly names: readonly string[];
  /** The members whose struct is known: `struct.member`. */
  readonly typed: readonly string[];
  /** One text for each way of leaving them. */
  readonly keys: readonly string[];
  /** The calls that acquired them: `function#call`. */
  readonly sites: readonly string[];
}

export const NO_LEAVES: Leaves = { names: [], typed: [], keys: [], sites: [] };

/** A run as it is remembered: all but its observations, whose places move. */
export interface RememberedRun {
  readonly identity: RunIdentity;
  readonly steps: number;
  readonly cut: boolean;
  readonly handsOver: boolean;
  readonly pair?: PairInfo;
  readonly leaves: Leaves;
  /** Of a run that asks how long pages are held: some are. */
  readonly holds?: boolean;
  /** Of such a run: the functions whose callers in other files may decide it. */
  readonly lasting?: { readonly producer: string; readonly names: readonly string[] };
  /** Functions that were lowered for it, in order, and the conditions that counted as repeated in them. */
  readonly lowered: readonly (readonly [string, LoweredFacts])[];
  readonly repeated: readonly (readonly [string, ReadonlySet<string>])[];
}

/** What a run finds before it starts. */
export interface Surroundings {
  readonly lowered: ReadonlyMap<string, LoweredFacts>;
  readonly repeated: ReadonlyMap<string, ReadonlySet<string>>;
  readonly handsOver: ReadonlySet<string>;
}

/** What a run depends on besides the text of one function and its callees. */
export interface RunScope {
  /** Distinguishes it from other runs. */
  readonly name: string;
  /** Functions that it starts from. */
  readonly roots: readonly string[];
  /** Anything else, as text. */
  readonly also: string;
}

interface Entry {
  readonly texts: string;
  readonly context: string;
  readonly run: RememberedRun;
  used: boolean;
}

/** Functions by name, and for each the names that it calls: those of the file in its order, then those of headers. */
export interface CallTable {
  readonly indexOf: ReadonlyMap<string, number>;
  readonly callees: readonly ReadonlySet<string>[];
}

const MEMBER = /(?:->|\.)\s*([A-Za-z_]\w*)/g;

const CALL = /\b([A-Za-z_]\w*)\s*\(/g;

export class FlowMemo {
  readonly #entries = new Map<string, Entry>();
  #callees = new Map<string, ReadonlySet<string>>();
  #members = new Map<string, ReadonlySet<string>>();
  readonly #identities = new WeakMap<RunIdentity, number>();
  #ids = new Map<string, number>();
  #nextId = 0;
  #declared = '';
  #version: { source: SourceFile; table: CallTable; ids: readonly number[] } | undefined;

  /** Starts a version of the file: everything below refers to it. */
  begin(source: SourceFile): CallTable {
    const declared = [...source.macros.values()]
      .map(({ name, params, body }) => `${name}(${params?.join() ?? '-'})${body}`)
      .concat([...source.structs.values()].map(({ start, end }) => source.code.slice(start, end)))
      .join('\n');
    if (declared !== this.#declared) {
      this.#declared = declared;
      this.#entries.clear();
    }
    const callees = new Map<string, ReadonlySet<string>>();
    const known = new Map<string, number>();
    const ids = source.functions.map(({ start, end }, index) => {
      // The tree is made of the code, and messages quote the text.
      const code = source.expandedCode(index);
      const text = source.text.slice(start, end);
      const key = code === text ? code : `${code}\0${text}`;
      const id = this.#ids.get(key) ?? this.#nextId++;
      known.set(key, id);
      return id;
    });
    const inlines = [...source.inlines.values()];
    const indexOf = new Map<string, number>();
    [...source.functions, ...inlines].forEach(({ name }, index) => {
      // Of two functions of one name the first counts.
      if (!indexOf.has(name)) indexOf.set(name, index);
    });
    const bodies = source.functions.map(({ start, bodyStart }, index) =>
      source.expandedCode(index).slice(bodyStart - start),
    );
    for (const { header, code, bodyStart } of inlines) {
      const key = `${code}\0${header}`;
      const id = this.#ids.get(key) ?? this.#nextId++;
      known.set(key, id);
      ids.push(id);
      bodies.push(code.slice(bodyStart));
    }
    const table = {
      indexOf,
      callees: bodies.map((body) => {
        const names = this.#callees.get(body) ?? calledIn(body);
        callees.set(body, names);
        return names;
      }),
    };
    this.#ids = known;
    this.#callees = callees;
    this.#version = { source, table, ids };
    return table;
  }

  /** The remembered run of an entry point, if nothing that it depends on has changed. */
  recall(scope: RunScope, surroundings: Surroundings): RememberedRun | undefined {
    const entry = this.#entries.get(scope.name);
    if (entry === undefined) return undefined;
    const reach = this.#reach(scope.roots);
    const { lowered } = entry.run;
    if (entry.texts !== this.#texts(scope, reach)) return undefined;
    if (entry.context !== contextOf(reach, surroundings, lowered)) return undefined;
    entry.used = true;
    return entry.run;
  }

  /** Remembers a run. `surroundings` are those from before it. */
  remember(scope: RunScope, surroundings: Surroundings, run: Omit<RememberedRun, 'identity'>): RunIdentity {
    const reach = this.#reach(scope.roots);
    const identity = { reach };
    this.#identities.set(identity, this.#nextId++);
    this.#entries.set(scope.name, {
      texts: this.#texts(scope, reach),
      context: contextOf(reach, surroundings, run.lowered),
      run: { ...run, identity },
      used: true,
    });
    return identity;
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
    this.#version = undefined;
  }

  /** A number for a run, the same as long as its result holds. */
  numberOf(identity: RunIdentity): number {
    return this.#identities.get(identity) ?? -1;
  }

  /** Names of members that each function mentions, in the order of the file. */
  members(): readonly ReadonlySet<string>[] {
    const { source } = this.#version!;
    const known = new Map<string, ReadonlySet<string>>();
    const found = source.functions.map(({ bodyStart, end }) => {
      const body = source.code.slice(bodyStart, end);
      const names = this.#members.get(body) ?? new Set([...body.matchAll(MEMBER)].map((m) => m[1]!));
      known.set(body, names);
      return names;
    });
    this.#members = known;
    return found;
  }

  /** Functions and all that they call, directly or not, in the file. */
  #reach(roots: readonly string[]): string[] {
    const { table } = this.#version!;
    const found = new Set(roots);
    for (const each of found) {
      for (const callee of table.callees[table.indexOf.get(each)!]!) {
        if (table.indexOf.has(callee)) found.add(callee);
      }
    }
    return [...found];
  }

  #texts({ also }: RunScope, reach: readonly string[]): string {
    const { table, ids } = this.#version!;
    return `${reach.map((name) => `${name}#${ids[table.indexOf.get(name)!]}`).join()}|${also}`;
  }
}

/** Calls by name, read off a function's code. */
export function calledIn(body: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const match of body.matchAll(CALL)) names.add(match[1]!);
  return names;
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
