/**
 * What is kept of a file's flow between two versions of its text, so that an edit runs again only the entry points that
 * reach what it changed. A run depends on: the text of every function that it can reach in the file, what those hand
 * over, and which conditions are written again elsewhere. All of that is compared, so an answer from memory is the
 * answer that a run would give.
 */
import type { SourceFile } from '../syntax/source.ts';

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

/** A run as it is remembered: all but its observations, whose places move. */
export interface RememberedRun {
  readonly identity: RunIdentity;
  readonly steps: number;
  readonly cut: boolean;
  readonly handsOver: boolean;
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

interface Entry {
  readonly texts: string;
  readonly context: string;
  readonly run: RememberedRun;
  used: boolean;
}

/** Functions by name, and for each the names that it calls. */
export interface CallTable {
  readonly indexOf: ReadonlyMap<string, number>;
  readonly callees: readonly ReadonlySet<string>[];
}

const CALL = /\b([A-Za-z_]\w*)\s*\(/g;

export class FlowMemo {
  readonly #entries = new Map<string, Entry>();
  #callees = new Map<string, ReadonlySet<string>>();
  #ids = new Map<string, number>();
  #nextId = 0;
  #macros = '';
  #version: { source: SourceFile; table: CallTable; ids: readonly number[] } | undefined;

  /** Starts a version of the file: everything below refers to it. */
  begin(source: SourceFile): CallTable {
    const macros = [...source.macros.values()]
      .map(({ name, params, body }) => `${name}(${params?.join() ?? '-'})${body}`)
      .join('\n');
    if (macros !== this.#macros) {
      this.#macros = macros;
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
    const indexOf = new Map<string, number>();
    source.functions.forEach(({ name }, index) => {
      indexOf.set(name, index);
    });
    const table = {
      indexOf,
      callees: source.functions.map(({ start, bodyStart }, index) => {
        const body = source.expandedCode(index).slice(bodyStart - start);
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
  recall(name: string, surroundings: Surroundings): RememberedRun | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const reach = this.#reach(name);
    const { lowered } = entry.run;
    if (entry.texts !== this.#texts(reach)) return undefined;
    if (entry.context !== contextOf(reach, surroundings, lowered)) return undefined;
    entry.used = true;
    return entry.run;
  }

  /** Remembers a run. `surroundings` are those from before it. */
  remember(name: string, surroundings: Surroundings, run: Omit<RememberedRun, 'identity'>): RunIdentity {
    const reach = this.#reach(name);
    const identity = { reach };
    this.#entries.set(name, {
      texts: this.#texts(reach),
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

  /** A function and all that it calls, directly or not, in the file. */
  #reach(name: string): string[] {
    const { table } = this.#version!;
    const found = new Set([name]);
    for (const each of found) {
      for (const callee of table.callees[table.indexOf.get(each)!]!) {
        if (table.indexOf.has(callee)) found.add(callee);
      }
    }
    return [...found];
  }

  #texts(reach: readonly string[]): string {
    const { table, ids } = this.#version!;
    return reach.map((name) => `${name}#${ids[table.indexOf.get(name)!]}`).join();
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
