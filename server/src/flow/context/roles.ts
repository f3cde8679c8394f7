/** Who calls the functions of a file: each other, and whoever a function is registered with. */
import type { SourceFile } from '../../syntax/source.ts';
import type { CallTable } from '../facts/call-table.ts';
import type { Piece } from '../facts/pieces.ts';
import { ADOPTS_MM, CALLBACKS, MMAP_WORD, REGISTRATIONS, type RoleKind } from '../kernel/contexts.ts';

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

  constructor(source: SourceFile, table: CallTable) {
    this.#source = source;
    this.#table = table;
  }

  /** Functions of the file that call `name`. */
  callersOf(name: string): readonly string[] {
    return this.#table.callersOf(name);
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

  /** Whether a word stands in the code of a function of the file. */
  mentions(name: string, word: RegExp): boolean {
    const index = this.#table.indexOf.get(name);
    if (index === undefined || this.#source.functions[index] === undefined) return false;
    return this.#table.pieces[index]!.fact(`mentions ${word}`, ({ code }) => word.test(code));
  }

  /** What leads to a function. */
  leadingTo(name: string): Callers {
    const seen = new Set([name]);
    const origins: (Role & { readonly function: string })[] = [];
    let unknown = false;
    // Who includes a header is not seen.
    let takeMmapLock = this.#source.path.endsWith('.h');
    let level = [{ at: name, adopted: this.mentions(name, ADOPTS_MM) }];
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
          next.push({ at: caller, adopted: adopted || this.mentions(caller, ADOPTS_MM) });
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
    if (this.mentions(name, MMAP_WORD)) return true;
    const callees = this.#table.callees[this.#table.indexOf.get(name)!]!;
    return [...callees].some((c) => this.#table.indexOf.has(c) && this.mentions(c, MMAP_WORD));
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
    const found = this.#table.inOrder.map(({ piece }) => piece.fact('registrations', registrationsIn));
    for (const { calls } of found)
      for (const { by, args } of calls)
        for (const row of REGISTERS.get(by)!)
          add(args[row.argument]?.replace(/^\((\w+)\)$/, '$1').replace(/^.*[&)\s]/s, ''), row);
    for (const { members } of found) {
      for (const { member, name } of members) {
        const row = MEMBERS.get(member)!;
        if (row.word === undefined || code.includes(row.word)) add(name, row);
      }
    }
    for (const { ioctls } of found) for (const name of ioctls) add(name, { kind: 'user', what: 'an ioctl' });
    for (const { name, definedBy } of functions)
      if (definedBy?.includes('SYSCALL')) add(name, { kind: 'user', what: 'a system call' });
    return roles;
  }
}

/** What a piece of the file hands over to be called: by calls, in members, in tables of ioctls. */
interface Registrations {
  readonly calls: readonly { readonly by: string; readonly args: readonly string[] }[];
  readonly members: readonly { readonly member: string; readonly name: string }[];
  readonly ioctls: readonly string[];
}

function registrationsIn({ code }: Piece): Registrations {
  return {
    calls: [...code.matchAll(CALL)].map((match) => {
      const args = argumentsAt(code, match.index + match[0].length);
      return { by: match[1]!, args };
    }),
    members: [...code.matchAll(ASSIGNED)].map(([, member, name]) => ({ member: member!, name: name! })),
    ioctls: [...code.matchAll(IOCTL_TABLE)].map((match) => match[1]!),
  };
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
