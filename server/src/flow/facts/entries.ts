/**
 * Who calls a function of a file, in the end: userspace that closes, unmaps or unregisters something, the completion of
 * I/O, or nobody that the file shows. Read off the text: tables of operations, registrations of callbacks, the commands
 * of an ioctl, and the calls between the functions of the file.
 */
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Role } from '../kernel/entries.ts';
import { isKeptByCaller, memberRole, registrarRole, releasesByName } from '../kernel/entries.ts';
import type { CallTable } from './call-table.ts';
import type { Piece } from './pieces.ts';

/** An entry point from which a function is reached. */
export interface ReachedFrom {
  readonly entry: string;
  readonly role: Role;
  /** The functions from the entry point to the function, both included. */
  readonly chain: readonly string[];
  /** The entry point's name in the text. */
  readonly range: Range;
  /** A command of an ioctl that by its name undoes something leads here. */
  readonly commanded: boolean;
}

export class Entries {
  readonly #source: SourceFile;
  readonly #table: CallTable;
  readonly #roles = new Map<string, Set<Role>>();
  /** Callers besides those of the table: they hand the function to one that calls it for them. */
  readonly #callers = new Map<string, Set<string>>();

  constructor(source: SourceFile, table: CallTable) {
    this.#source = source;
    this.#table = table;
    this.#readReferences();
    for (const { name, isStatic } of source.functions) if (!isStatic) this.#hasRole(name, 'exported');
  }

  /** Whether userspace may call a function as often as it likes. */
  isRequest(name: string): boolean {
    return this.#roles.get(name)?.has('request') === true;
  }

  /** Functions from which `name` is reached, itself included. `avoid` are not passed through. */
  reaching(name: string, avoid: ReadonlySet<string> = new Set()): Set<string> {
    const found = new Set([name]);
    for (const each of found) {
      if (each !== name && avoid.has(each)) continue;
      for (const caller of this.#callersOf(each)) found.add(caller);
    }
    return found;
  }

  /** Entry points from which `name` is reached; functions of `avoid` are met, but not passed through. */
  reachedFrom(name: string, avoid: ReadonlySet<string> = new Set()): ReachedFrom[] {
    const out: ReachedFrom[] = [];
    const chains = new Map<string, readonly string[]>([[name, [name]]]);
    for (const [each, chain] of chains) {
      for (const role of this.#roles.get(each) ?? []) out.push(this.#reached(each, role, chain));
      if (each !== name && avoid.has(each)) continue;
      for (const caller of this.#callersOf(each))
        if (!chains.has(caller)) chains.set(caller, [caller, ...chain]);
    }
    return out;
  }

  /** A command of userspace's that by its name, or by that of a function on the way, releases something has that role. */
  #reached(entry: string, role: Role, chain: readonly string[]): ReachedFrom {
    const start = this.#source.functions[this.#table.indexOf.get(entry)!]?.nameStart ?? 0;
    const range = { start, end: start + entry.length };
    if (role !== 'request' && role !== 'call') return { entry, role, chain, range, commanded: false };
    const first = chain[1];
    const commanded = first !== undefined && this.#labelsAt(entry, first).some(releasesByName);
    const named = commanded || chain.slice(0, -1).some(releasesByName);
    return { entry, role: named ? 'release-call' : 'call', chain, range, commanded };
  }

  /** The cases of a switch under which a function calls another. */
  #labelsAt(caller: string, callee: string): string[] {
    const at = this.#source.functions[this.#table.indexOf.get(caller)!];
    if (at === undefined) return [];
    const { bodyStart, end } = at;
    const body = this.#source.code.slice(bodyStart, end);
    const labels: string[] = [];
    let label = '';
    for (const [, name, called] of body.matchAll(/\bcase\s+(\w+)\s*:|\b(\w+)\s*\(/g)) {
      if (name !== undefined) label = name;
      else if (called === callee && label !== '') labels.push(label);
    }
    return labels;
  }

  #callersOf(name: string): readonly string[] {
    const others = this.#callers.get(name);
    const callers = this.#table.callersOf(name);
    return others === undefined ? callers : [...callers, ...others];
  }

  #called(callee: string, caller: string): void {
    this.#callers.set(callee, (this.#callers.get(callee) ?? new Set()).add(caller));
  }

  #hasRole(name: string, role: Role): void {
    this.#roles.set(name, (this.#roles.get(name) ?? new Set()).add(role));
  }

  /** Mentions of functions that are no calls: where a function's address goes says who calls it. */
  #readReferences(): void {
    const { functions } = this.#source;
    const { indexOf, names, inOrder } = this.#table;
    for (const { piece, start, index } of inOrder) {
      const found = piece.asked(
        'references',
        () => names,
        (ask) => {
          ask('names');
          return referencesIn(piece, indexOf);
        },
      );
      for (const { name, at, role, registrar } of found) {
        if (functions[indexOf.get(name)!]?.nameStart === start + at) continue;
        if (role !== undefined) this.#hasRole(name, role);
        else if (isKeptByCaller(registrar!)) {
          if (index !== undefined) this.#called(name, functions[index]!.name);
        } else this.#hasRole(name, registrarRole(registrar!));
      }
    }
  }
}

/** A mention of a function that is no call: its role, or the function that it is handed to. */
interface Reference {
  readonly name: string;
  /** Offset in the piece. */
  readonly at: number;
  readonly role?: Role;
  readonly registrar?: string;
}

function referencesIn(piece: Piece, names: ReadonlyMap<string, number>): Reference[] {
  const code = withoutStrings(piece.code);
  const found: Reference[] = [];
  for (const match of code.matchAll(/\b[A-Za-z_]\w*\b(?!\s*\()/g)) {
    const name = match[0];
    if (!names.has(name)) continue;
    const at = match.index;
    const before = code.slice(Math.max(0, at - 400), at);
    const member = /(?:\.|->)\s*(\w+)\s*=\s*(?:&|\([^()]*\))?\s*$/.exec(before)?.[1];
    const registrar = member === undefined ? enclosingCall(before) : undefined;
    if (member !== undefined) found.push({ name, at, role: memberRole(member, tableOf(before)) });
    else if (registrar === undefined) found.push({ name, at, role: 'unknown' });
    else if (/^EXPORT_SYMBOL/.test(registrar)) found.push({ name, at, role: 'exported' });
    else found.push({ name, at, registrar });
  }
  return found;
}

/** Blanks the contents of strings, and comments where the text still has some. */
function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (m) => ' '.repeat(m.length));
}

/** Type of the table whose initializer a text ends in: `static const struct foo_ops x = {`. */
function tableOf(before: string): string | undefined {
  return /\bstruct\s+(\w+)\s+\w+(?:\[[^\]]*\])?\s*=\s*\{(?![\s\S]*\};)/.exec(before)?.[1];
}

/** Name of the call whose arguments a text ends in. */
function enclosingCall(before: string): string | undefined {
  let depth = 0;
  for (let i = before.length - 1; i >= 0; i--) {
    const c = before[i]!;
    if (c === ';' || c === '{' || c === '}') return undefined;
    if (c === ')') depth++;
    if (c !== '(') continue;
    const name = depth === 0 ? /(\w+)\s*$/.exec(before.slice(0, i))?.[1] : undefined;
    if (name !== undefined) return name;
    // A bracket around the name itself.
    if (depth === 0) continue;
    depth--;
  }
  return undefined;
}
