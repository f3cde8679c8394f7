/** Integer types of struct members, as far as the file or a header defines the structs. C's conversions depend on them. */
import type { SourceFile } from '../../syntax/source.ts';
import { intTypeOf } from './ctypes.ts';
import type { IntType } from './ir.ts';
import { headerBodies, structBodies } from './struct-bodies.ts';
import { structNamed, untagged } from './structs.ts';

/** Specifiers, then declarators without an initializer: `unsigned long a, *b;`. */
const DECLARATION = /((?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*)([\s*][^;{}()]*);/g;

/** What lowering asks of the file's structs. */
export type MemberLookup = Pick<MemberTypes, 'integer' | 'struct' | 'array'>;

/** One text for the types of a member. */
export function memberText(types: MemberLookup, struct: string, member: string): string {
  const integer = types.integer(struct, member);
  return `${integer?.signed} ${integer?.bits} ${types.array(struct, member)} ${types.struct(struct, member)}`;
}

interface Members {
  readonly integers: ReadonlyMap<string, IntType>;
  readonly structs: ReadonlyMap<string, string>;
  readonly arrays: ReadonlySet<string>;
  /** Bodies of members that are structs without a tag. */
  readonly nested: ReadonlyMap<string, string>;
}

/** Types of the members of the structs that a file and its headers define; each struct is read when it is first asked for. */
export class MemberTypes {
  readonly #source: SourceFile;
  readonly #read = new Map<string, Members | undefined>();
  /** What the file itself defines, under all its names; read when a name is no tag of the file's. */
  #own: ReadonlyMap<string, string> | undefined;

  constructor(source: SourceFile) {
    this.#source = source;
  }

  /** Integer type of `struct.member`; undefined for another type, and where nothing defines the struct. */
  integer(struct: string, member: string): IntType | undefined {
    return this.#membersOf(struct)?.integers.get(member);
  }

  /** Struct that a member is, or points to. */
  struct(struct: string, member: string): string | undefined {
    const members = this.#membersOf(struct);
    return members?.nested.has(member) ? `${struct}.${member}` : members?.structs.get(member);
  }

  /** Whether a member is an array, and not a pointer to one. */
  array(struct: string, member: string): boolean {
    return this.#membersOf(struct)?.arrays.has(member) === true;
  }

  #membersOf(name: string): Members | undefined {
    if (this.#read.has(name)) return this.#read.get(name);
    const body = this.#bodyOf(name);
    const members = body === undefined ? undefined : membersIn(body);
    this.#read.set(name, members);
    return members;
  }

  #bodyOf(name: string): string | undefined {
    const dot = name.lastIndexOf('.');
    if (dot >= 0) return this.#membersOf(name.slice(0, dot))?.nested.get(name.slice(dot + 1));
    const { structs, code, headers } = this.#source;
    const slice = structs.get(name);
    if (slice !== undefined) return code.slice(slice.bodyStart + 1, slice.end);
    this.#own ??= code.includes('typedef') ? structBodies(code) : new Map();
    const own = this.#own.get(name);
    if (own !== undefined) return own;
    for (const header of headers) {
      const body = headerBodies(header).get(name);
      if (body !== undefined) return body;
    }
    return undefined;
  }
}

function membersIn(body: string): Members {
  const { own, nested } = untagged(body);
  const integers = new Map<string, IntType>();
  const structs = new Map<string, string>();
  const arrays = new Set<string>();
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const [, head = '', tail = ''] of own.matchAll(DECLARATION)) {
    const [first = '', ...others] = `${head}${tail}`.split(',');
    const words = /^(.*?)([\s*]+)([A-Za-z_]\w*)\s*([[:].*)?$/s.exec(first);
    if (words === null) continue;
    const [, specifiers = '', stars = '', name = '', rest = ''] = words;
    const integer = intTypeOf(specifiers);
    const struct = structNamed(specifiers);
    const declarators = [
      { name, plain: !stars.includes('*') && rest === '', array: rest.trimStart().startsWith('[') },
    ];
    for (const other of others) {
      const declarator = /^\s*(\**)\s*([A-Za-z_]\w*)\s*(.*)$/s.exec(other);
      if (declarator !== null)
        declarators.push({
          name: declarator[2]!,
          plain: declarator[1] === '' && declarator[3] === '',
          array: declarator[3]!.startsWith('['),
        });
    }
    for (const { name: member, plain, array } of declarators) {
      // Nested structs with a tag are not told apart: a name that stands in two of them has no type.
      if (seen.has(member)) twice.add(member);
      seen.add(member);
      if (plain && integer !== undefined) integers.set(member, integer);
      if (struct !== undefined) structs.set(member, struct);
      if (array) arrays.add(member);
    }
  }
  for (const member of twice) {
    integers.delete(member);
    structs.delete(member);
    arrays.delete(member);
  }
  return { integers, structs, arrays, nested };
}
