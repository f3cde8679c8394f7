/** Who calls the functions of a file: each other, and whoever a function is registered with. */
import type { SourceFile } from '../../syntax/source.ts';
import { ADOPTS_MM, CALLBACKS, MMAP_WORD, REGISTRATIONS, type RoleKind } from '../kernel/contexts.ts';
import type { CallTable } from '../memo.ts';

export interface Role {
  readonly kind: RoleKind;
  /** What the function is, with its article: `a work item`. */
  readonly what: string;
}

/** A role that a function gets directly or through its callers. */
export interface Origin extends Role {
  /** The function that is registered. */
  readonly function: string;
  /** Nothing else leads to the function in question. */
  readonly only: boolean;
}

/** What is known of the callers of a function. */
export interface Callers {
  readonly origins: readonly Origin[];
  /** A function on the way takes mmap_lock, or is called under it: the function may rely on that. */
  readonly takeMmapLock: boolean;
  /** Every way to the function begins at a system call, and none of them takes mmap_lock. */
  readonly fromUserOnly: boolean;
}

/** How many callers up are looked at. */
const MAX_UP = 7;

const REGISTERS = new Map<string, { argument: number; kind: RoleKind; what: string }[]>();
for (const [names, argument, kind, what] of REGISTRATIONS) {
  for (const name of names.split(' '))
    REGISTERS.set(name, [...(REGISTERS.get(name) ?? []), { argument, kind, what }]);
}

const MEMBERS = new Map(
  CALLBACKS.flatMap(([members, kind, what, word]) =>
    members.split(' ').map((m) => [m, { kind, what, word }]),
  ),
);

const CALL = new RegExp(`\\b(${[...REGISTERS.keys()].join('|')})\\s*\\(`, 'g');
const ASSIGNED = new RegExp(
  `(?:\\.|->)\\s*(${[...MEMBERS.keys()].join('|')})\\s*=\\s*&?(\\w+)\\s*[,;}]`,
  'g',
);
const IOCTL_TABLE = /\b\w*IOCTL_DEF\w*\s*\(\s*\w+\s*,\s*(\w+)/g;

/** The calls and registrations of one file. */
export class FileRoles {
  readonly #source: SourceFile;
  readonly #table: CallTable;
  #roles: Map<string, Role[]> | undefined;
  #callers: Map<string, string[]> | undefined;

  constructor(source: SourceFile, table: CallTable) {
    this.#source = source;
    this.#table = table;
  }

  /** Functions of the file that call `name`. */
  callersOf(name: string): readonly string[] {
    if (this.#callers === undefined) {
      this.#callers = new Map();
      for (const [caller, index] of this.#table.indexOf) {
        for (const callee of this.#table.callees[index]!) {
          if (callee === caller || !this.#table.indexOf.has(callee)) continue;
          const list = this.#callers.get(callee);
          if (list === undefined) this.#callers.set(callee, [caller]);
          else list.push(caller);
        }
      }
    }
    return this.#callers.get(name) ?? [];
  }

  rolesOf(name: string): readonly Role[] {
    this.#roles ??= this.#read();
    return this.#roles.get(name) ?? [];
  }

  /** The code of a function of the file, without comments; empty for one of a header. */
  codeOf(name: string): string {
    const fn = this.#source.functions[this.#table.indexOf.get(name) ?? -1];
    return fn === undefined ? '' : this.#source.code.slice(fn.start, fn.end);
  }

  /** What leads to a function. */
  leadingTo(name: string): Callers {
    const seen = new Set([name]);
    const origins: (Role & { readonly function: string })[] = [];
    let unknown = false;
    // Who includes a header is not seen.
    let takeMmapLock = this.#source.path.endsWith('.h');
    let level = [{ at: name, adopted: ADOPTS_MM.test(this.codeOf(name)) }];
    for (let up = 0; up < MAX_UP && level.length > 0; up++) {
      const next: typeof level = [];
      for (const { at, adopted } of level) {
        if (at !== name && this.#takesMmapLock(at)) takeMmapLock = true;
        const roles = this.rolesOf(at);
        for (const role of roles) {
          if (role.kind === 'under-mmap-lock') takeMmapLock = true;
          if (role.kind === 'thread' && adopted) unknown = true;
          else origins.push({ ...role, function: at });
        }
        const callers = this.callersOf(at);
        if (roles.length === 0 && (callers.length === 0 || !this.#isStatic(at))) unknown = true;
        for (const caller of callers) {
          if (seen.has(caller)) continue;
          seen.add(caller);
          next.push({ at: caller, adopted: adopted || ADOPTS_MM.test(this.codeOf(caller)) });
        }
      }
      level = next;
    }
    unknown ||= level.length > 0;
    const only = (kind: RoleKind): boolean => !unknown && origins.every((o) => o.kind === kind);
    return {
      origins: origins.map((o) => ({ ...o, only: only(o.kind) })),
      takeMmapLock,
      fromUserOnly: only('user') && origins.length > 0 && !takeMmapLock,
    };
  }

  /** The function, or one that it calls and that may return with the lock held. */
  #takesMmapLock(name: string): boolean {
    if (MMAP_WORD.test(this.codeOf(name))) return true;
    const callees = this.#table.callees[this.#table.indexOf.get(name)!]!;
    return [...callees].some((c) => this.#table.indexOf.has(c) && MMAP_WORD.test(this.codeOf(c)));
  }

  #isStatic(name: string): boolean {
    const fn = this.#source.functions[this.#table.indexOf.get(name) ?? -1];
    return fn === undefined || fn.isStatic;
  }

  #read(): Map<string, Role[]> {
    const { code, functions } = this.#source;
    const roles = new Map<string, Role[]>();
    const add = (name: string | undefined, { kind, what }: Role): void => {
      if (name === undefined || !this.#table.indexOf.has(name)) return;
      const list = roles.get(name) ?? [];
      if (!list.some((role) => role.what === what)) roles.set(name, [...list, { kind, what }]);
    };
    for (const match of code.matchAll(CALL)) {
      const args = argumentsAt(code, match.index + match[0].length);
      for (const row of REGISTERS.get(match[1]!)!) add(args[row.argument]?.replace(/^.*[&)\s]/s, ''), row);
    }
    for (const match of code.matchAll(ASSIGNED)) {
      const row = MEMBERS.get(match[1]!)!;
      if (row.word === undefined || code.includes(row.word)) add(match[2], row);
    }
    for (const match of code.matchAll(IOCTL_TABLE)) add(match[1], { kind: 'user', what: 'an ioctl' });
    for (const { name, definedBy } of functions)
      if (definedBy?.includes('SYSCALL')) add(name, { kind: 'user', what: 'a system call' });
    return roles;
  }
}

/** The arguments of a call whose list begins at `from`, without the space around them. */
function argumentsAt(code: string, from: number): string[] {
  const args: string[] = [];
  let depth = 0;
  let start = from;
  for (let at = from; at < code.length && at < from + 400; at++) {
    const c = code[at]!;
    if (c === '(' || c === '{' || c === '[') depth++;
    else if ((c === ')' || c === '}' || c === ']') && depth-- === 0) {
      args.push(code.slice(start, at).trim());
      break;
    } else if (c === ',' && depth === 0) {
      args.push(code.slice(start, at).trim());
      start = at + 1;
    }
  }
  return args;
}
