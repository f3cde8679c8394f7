/** The functions of one file as they are lowered: each once, and in the order in which runs ask for them. */
import type { Parser } from '../syntax/parser.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';
import type { CallTable } from './facts/call-table.ts';
import type { FunctionFacts, LoweredFacts } from './facts/function-facts.ts';
import { liveness } from './facts/liveness.ts';
import type { Piece } from './facts/pieces.ts';
import { trackedLocals } from './facts/slice.ts';
import { ACQUIRES } from './kernel/acquire.ts';
import { cleanupDefinitions, type Definitions } from './lower/cleanup.ts';
import { conditionText } from './lower/conditions.ts';
import type { Call, FunctionIr, Place } from './lower/ir.ts';
import { lowerFunction } from './lower/lower-function.ts';
import { type MemberLookup, MemberTypes, memberText } from './lower/members.ts';

/** Stands for no call. */
const NOWHERE: Range = { start: 0, end: 0 };

export class FileLowering {
  /** What is known of the functions that were lowered, now or for a run that is remembered; in that order. */
  readonly known = new Map<string, LoweredFacts>();
  /** Conditions that count as repeated, by function. */
  readonly repeated = new Map<string, ReadonlySet<string>>();
  /** Functions that were asked for since a run began. */
  used = new Set<string>();
  readonly #source: SourceFile;
  readonly #parser: Parser;
  readonly #table: CallTable;
  readonly #touching: ReadonlySet<string>;
  readonly #members: MemberTypes;
  readonly #cleanups: Definitions;
  readonly #lowered = new Map<string, FunctionIr | undefined>();
  readonly #facts = new Map<FunctionIr, FunctionFacts>();

  /** `touching` are the functions that acquire, release or access pages, themselves or through others. */
  constructor(source: SourceFile, parser: Parser, table: CallTable, touching: ReadonlySet<string>) {
    this.#source = source;
    this.#parser = parser;
    this.#table = table;
    this.#touching = touching;
    this.#members = new MemberTypes(source);
    this.#cleanups = cleanupDefinitions(source.code);
  }

  /** A function of the file or its headers; undefined for what is none. */
  lower(name: string): FunctionIr | undefined {
    this.used.add(name);
    if (this.#lowered.has(name)) return this.#lowered.get(name);
    const ir = this.#source.inlines.has(name) ? this.#lowerInline(name, NOWHERE) : this.#lowerOwn(name);
    this.#lowered.set(name, ir);
    if (!this.known.has(name)) this.known.set(name, loweredFacts(ir));
    return ir;
  }

  /** Counts a function as analysed, which takes no parser where its text is known. */
  know(name: string): void {
    if (this.known.has(name)) return;
    const piece = this.#table.pieces[this.#table.indexOf.get(name)!]!;
    this.known.set(
      name,
      piece.fact('lowered', () => loweredFacts(this.lower(name))),
    );
  }

  /** The function that a call means. That of a header is lowered for this call, which is the place of all it does. */
  lowerCalled(call: Call): FunctionIr | undefined {
    const name = call.fn!;
    const plain = this.lower(name);
    if (plain?.inlined !== true) return plain;
    const key = `${name}@${call.start}`;
    if (!this.#lowered.has(key)) this.#lowered.set(key, this.#lowerInline(name, call));
    return this.#lowered.get(key);
  }

  /** As lower(), without counting the function as analysed; undefined for one of a header. */
  lowerAgain(name: string): FunctionIr | undefined {
    return this.#source.inlines.has(name) ? undefined : this.#lowerOwn(name);
  }

  #lowerOwn(name: string): FunctionIr | undefined {
    const index = this.#table.indexOf.get(name)!;
    const { isStatic, start } = this.#source.functions[index]!;
    const { [index]: piece } = this.#table.pieces;
    return piece!.placed('ir', start, () => {
      const tree = this.#source.parseExpanded(index, this.#parser);
      const members = this.#askingFor(piece!);
      const cleanups = this.#cleanups;
      return lowerFunction({ text: this.#source.text, members, cleanups, ...tree }, name, isStatic);
    });
  }

  /** Types of members, which a piece depends on from the time that they are asked for. */
  #askingFor(piece: Piece): MemberLookup {
    const types = this.#members;
    const note = (struct: string, member: string): void => {
      piece.members.set(`${struct} ${member}`, memberText(types, struct, member));
    };
    return {
      integer: (struct, member) => {
        note(struct, member);
        return types.integer(struct, member);
      },
      struct: (struct, member) => {
        note(struct, member);
        return types.struct(struct, member);
      },
      array: (struct, member) => {
        note(struct, member);
        return types.array(struct, member);
      },
    };
  }

  #lowerInline(name: string, { start, end }: Range): FunctionIr | undefined {
    const { code, parse } = this.#source.inlines.get(name)!;
    const place = (from: number, to: number): Place => ({ start, end, written: code.slice(from, to) });
    const ir = lowerFunction({ text: this.#source.text, tree: parse(this.#parser), place }, name, true);
    return ir && { ...ir, inlined: true };
  }

  /** What is to be known of a function before it runs. */
  factsOf(ir: FunctionIr): FunctionFacts {
    let facts = this.#facts.get(ir);
    if (facts === undefined) {
      const repeated = this.repeated.get(ir.name) ?? this.#repeatedIn(ir);
      this.repeated.set(ir.name, repeated);
      facts = this.#factsFor(ir, repeated);
      this.#facts.set(ir, facts);
    }
    return facts;
  }

  /** They have no places, and depend on the function's text, on its repeated conditions, and on what it calls. */
  #factsFor(ir: FunctionIr, repeated: ReadonlySet<string>): FunctionFacts {
    const make = (touches: (fn: string) => boolean): FunctionFacts => ({
      tracked: trackedLocals(ir, this.#source.text, repeated, touches),
      liveness: liveness(ir, (fn) => ACQUIRES.has(fn) || touches(fn)),
      repeated,
      results: resultsOf(ir),
    });
    // The text of such a one is that of its call.
    if (ir.inlined === true) return make((fn) => this.#touching.has(fn));
    const again = [...repeated].join('\n');
    const answer = (fn: string): string =>
      fn === 'repeated;' ? again : this.#touching.has(fn) ? 'touches' : '';
    const piece = this.#table.pieces[this.#table.indexOf.get(ir.name)!]!;
    return piece.asked('facts', answer, (ask) => {
      ask('repeated;');
      return make((fn) => ask(fn) === 'touches');
    });
  }

  /**
   * Conditions of a function that are written again in it, in a helper that it calls, or in a caller that was run. What a
   * helper is given may be asked for in both under two names.
   */
  #repeatedIn(ir: FunctionIr): Set<string> {
    const count = new Map<string, number>();
    const add = (condition: string): void => {
      count.set(condition, (count.get(condition) ?? 0) + 1);
    };
    for (const call of ir.calls) {
      if (call.fn === undefined || !this.#touching.has(call.fn)) continue;
      this.lower(call.fn);
      for (const arg of call.args) if (arg.k !== 'num') add(conditionText(this.#source.text, arg));
    }
    if (ir.isStatic) for (const { name } of ir.params) add(name);
    for (const { conditions } of this.known.values()) for (const c of conditions) add(c);
    return new Set(ir.conditions.filter((c) => count.get(c)! > 1));
  }
}

function resultsOf({ nodes }: FunctionIr): string[] {
  const names = nodes.flatMap(({ kind, expr }) =>
    kind === 'return' && expr?.k === 'var' && expr.local ? [expr.name] : [],
  );
  return [...new Set(names)];
}

function loweredFacts(ir: FunctionIr | undefined): LoweredFacts {
  const { conditions = [], partlyRead = true } = ir ?? {};
  return { conditions, partlyRead };
}
