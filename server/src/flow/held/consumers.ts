/** Which functions of a file may find the pages that one of them has left held, told by their texts. */
import type { SourceFile } from '../../syntax/source.ts';
import type { CallTable } from '../facts/call-table.ts';
import { callersOf, isCallback, isTaken, staticCallers } from '../facts/reach.ts';
import { isAnotherTurn } from '../facts/turns.ts';
import { ACQUIRES } from '../kernel/acquire.ts';
import { isReleaseName } from '../kernel/effects.ts';
import type { FunctionIr } from '../lower/ir.ts';
import type { Leaves } from './leaves.ts';

/** Functions that are run on what one function leaves held. */
const MAX_CONSUMERS = 12;

export class Consumers {
  /** Functions that are not run on what others have left. */
  readonly leftOut = new Set<string>();
  readonly #source: SourceFile;
  readonly #table: CallTable;
  readonly #touching: ReadonlySet<string>;
  readonly #lower: (name: string) => FunctionIr | undefined;
  #acquiring: ReadonlySet<string> | undefined;
  #releasing: readonly string[] | undefined;
  #canRelease: ReadonlySet<string> | undefined;

  /** `touching` are the functions that acquire, release or access pages, themselves or through others. */
  constructor(
    source: SourceFile,
    table: CallTable,
    touching: ReadonlySet<string>,
    lower: (name: string) => FunctionIr | undefined,
  ) {
    this.#source = source;
    this.#table = table;
    this.#touching = touching;
    this.#lower = lower;
  }

  /**
   * Functions that mention what leads to the held pages, and can do something to them. The one that left them is among
   * them if it also releases.
   */
  of(producer: string, { names, open }: Leaves): string[] {
    return [...this.#table.indexOf]
      .filter(([name, index]) => {
        if (this.leftOut.has(name)) return false;
        if (!open && !this.#touching.has(name)) return false;
        if (!names.some((leaf) => this.#mentions(index, leaf))) return false;
        if (this.isPartOf(producer, name)) return false;
        return name !== producer || [...this.#table.callees[index]!].some(isReleaseName);
      })
      .map(([name]) => name)
      .slice(0, MAX_CONSUMERS);
  }

  /** Whether a function is static and called by one other alone. */
  isHelperOf(producer: string, name: string): boolean {
    const { isStatic = false } = this.#source.functions[this.#table.indexOf.get(name)!] ?? {};
    const callers = this.#table.callersOf(name);
    return isStatic && callers.length === 1 && callers[0] === producer && !isTaken(this.#table, name);
  }

  /** Whether a function mentions what leads to the held pages. */
  mentionsAny(index: number, { names }: Leaves): boolean {
    return names.some((leaf) => this.#mentions(index, leaf));
  }

  /** Whether a function has to do with a struct whose members lead to the held pages. */
  mentionsStruct(index: number, { typed }: Leaves): boolean {
    if (this.#source.functions[index] === undefined) return false;
    const structs = new Set(typed.map((member) => member.slice(0, member.indexOf('.'))));
    const { [index]: piece } = this.#table.pieces;
    return [...structs].some((name) =>
      piece!.fact(`names ${name}`, ({ code }) => new RegExp(`\\b${name}\\b`).test(code)),
    );
  }

  /** Functions that mention what leads to the held pages, and all that call such a one. */
  reading({ names }: Leaves): Set<string> {
    return callersOf(this.#table, (index) => names.some((leaf) => this.#mentions(index, leaf)));
  }

  /** Functions that call a release of the kernel's. */
  get releasing(): readonly string[] {
    this.#releasing ??= [...this.#table.indexOf]
      .filter(([, index]) => this.#releases(index))
      .map(([name]) => name);
    return this.#releasing;
  }

  /** Whether a function, or one that it calls in the file, releases pages of any kind. */
  canRelease(name: string): boolean {
    this.#canRelease ??= callersOf(this.#table, (index) => this.#releases(index));
    return this.#canRelease.has(name);
  }

  #releases(index: number): boolean {
    return this.#table.pieces[index]!.fact('calls a release', () =>
      [...this.#table.callees[index]!].some(isReleaseName),
    );
  }

  /** Callers of a function that releases pages, if it has no others. */
  askable(name: string): string[] {
    const releases = [...this.#table.callees[this.#table.indexOf.get(name)!]!].some(isReleaseName);
    return releases ? staticCallers(this.#source, this.#table, name) : [];
  }

  /**
   * A helper that is called by the producer alone, or by the one function that calls both: what it does to the pages, the
   * run of that one has shown. One that userspace calls may call them at different times, also the producer itself.
   */
  isPartOf(producer: string, name: string): boolean {
    const callers = name === producer ? [] : staticCallers(this.#source, this.#table, name);
    const known = [producer, ...staticCallers(this.#source, this.#table, producer)];
    return (
      callers.length === 1 &&
      known.includes(callers[0]!) &&
      (callers[0] === producer ? !this.#isDispatched(producer, name) : !isCallback(this.#table, callers[0]!))
    );
  }

  /** Another call of a function that others may call with whatever they ask for reaches the helper. */
  #isDispatched(producer: string, name: string): boolean {
    const ir = isCallback(this.#table, producer) ? this.#lower(producer) : undefined;
    return ir !== undefined && isAnotherTurn(ir, name, (callee) => this.#acquires(callee));
  }

  #acquires(name: string): boolean {
    this.#acquiring ??= callersOf(this.#table, (index) =>
      this.#table.pieces[index]!.fact('calls an acquire', () =>
        [...this.#table.callees[index]!].some((callee) => ACQUIRES.has(callee)),
      ),
    );
    return ACQUIRES.has(name) || this.#acquiring.has(name);
  }

  /** Whether a function of the file mentions a member (with a dot) or a variable. */
  #mentions(index: number, leaf: string): boolean {
    if (this.#source.functions[index] === undefined) return false;
    if (leaf.startsWith('.')) return this.#table.members()[index]!.has(leaf.slice(1));
    return this.#table.pieces[index]!.fact(`mentions ${leaf}`, ({ code, bodyAt }) =>
      new RegExp(`\\b${leaf}\\b`).test(code.slice(bodyAt)),
    );
  }
}
