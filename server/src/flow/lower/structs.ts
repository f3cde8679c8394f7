/**
 * Struct types of expressions, as far as a file's own text tells them: declarations of parameters, locals and file-scope
 * variables, members of structs that the file defines, and what container_of() and its relatives name.
 */
import type { Header } from '../../syntax/preprocess/headers.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Expr, FunctionIr, Member } from './ir.ts';
import { namedNumbers } from './numbers.ts';
import { closing, headerBodies } from './struct-bodies.ts';

/** What a file declares outside its functions. Tags and typedef names are told apart by their spelling only. */
export interface FileTypes {
  /** Struct of a member, by `struct.member`: of the file itself, then of its headers. */
  readonly members: Lookup;
  /** Struct of a file-scope variable, or what it points to. */
  readonly globals: ReadonlyMap<string, string>;
  /** Struct that a function of the file returns a pointer to. */
  readonly results: ReadonlyMap<string, string>;
  /** Number behind the name of a macro or enumerator, as a text. */
  readonly numbers: Lookup;
}

/** The same as far as it is asked for. */
export interface TypeLookup {
  readonly members: Lookup;
  readonly globals: Lookup;
  readonly results: Lookup;
  readonly numbers: Lookup;
}

interface Lookup {
  get(key: string): string | undefined;
}

/** Remembers what was asked, and the answers. A question is `members foo.bar`. */
export class AskedTypes implements TypeLookup {
  readonly asked = new Map<string, string | undefined>();
  readonly members: Lookup;
  readonly globals: Lookup;
  readonly results: Lookup;
  readonly numbers: Lookup;

  constructor(types: FileTypes) {
    const recording = (kind: keyof FileTypes): Lookup => ({
      get: (key) => {
        const answer = types[kind].get(key);
        this.asked.set(`${kind} ${key}`, answer);
        return answer;
      },
    });
    this.members = recording('members');
    this.globals = recording('globals');
    this.results = recording('results');
    this.numbers = recording('numbers');
  }
}

/** The answer to a question that was asked before. */
export function answerOf(types: FileTypes, question: string): string | undefined {
  const at = question.indexOf(' ');
  return types[question.slice(0, at) as keyof FileTypes].get(question.slice(at + 1));
}

/** Members of the structs that a header declares, by `struct.member`. Most headers are never asked. */
const ofHeaders = new WeakMap<Header, ReadonlyMap<string, string>>();

function headerMembers(header: Header): ReadonlyMap<string, string> {
  const members = ofHeaders.get(header);
  if (members === undefined) {
    const read = new Map<string, string>();
    for (const [name, body] of headerBodies(header)) addMembers(name, body, read);
    ofHeaders.set(header, read);
    return read;
  }
  return members;
}

function inHeaders(headers: readonly Header[], member: string): string | undefined {
  for (const header of headers) {
    const type = headerMembers(header).get(member);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Adds the members of a struct, and those of the structs without a tag that are members themselves: `buf.mem.pages`. */
function addMembers(owner: string, body: string, members: Map<string, string>): void {
  const { own, nested } = untagged(body);
  for (const [member, type] of declaredIn(own)) members.set(`${owner}.${member}`, type);
  for (const [name, inner] of nested) {
    members.set(`${owner}.${name}`, `${owner}.${name}`);
    addMembers(`${owner}.${name}`, inner, members);
  }
}

/**
 * Splits the body of a struct: members of structs and unions that have neither tag nor name are its own, and those of
 * such that have only a name stand apart, by that name.
 */
export function untagged(body: string): {
  readonly own: string;
  readonly nested: ReadonlyMap<string, string>;
} {
  const nested = new Map<string, string>();
  let own = '';
  let at = 0;
  for (const match of body.matchAll(/\b(?:struct|union)\s*\{/g)) {
    if (match.index < at) continue;
    const start = match.index + match[0].length;
    const end = closing(body, start);
    const inner = body.slice(start, end);
    const name = /^\}[\s*]*([A-Za-z_]\w*)/.exec(body.slice(end))?.[1];
    own += body.slice(at, match.index);
    at = end + 1;
    if (name === undefined) own += untagged(inner).own;
    else {
      nested.set(name, inner);
      at = body.indexOf(';', end) + 1 || body.length;
    }
  }
  return { own: own + body.slice(at), nested };
}

/** `struct foo`, `union foo` or a typedef name, then a name with stars in front. */
const DECLARES = /(?:\b(?:struct|union)\s+)?\b([A-Za-z_]\w*)[\s*]+\**\s*([A-Za-z_]\w*)\s*(?=[;,=[:])/g;

const NO_STRUCT =
  /^(?:void|char|short|int|long|unsigned|signed|float|double|_?[Bb]ool|const|volatile|static|extern|register|inline|return|goto|case|else|enum|struct|union|typedef|sizeof|(?:__)?[us](?:8|16|32|64)|[us]?int\d*_t|uint|size_t|ssize_t|loff_t|pgoff_t|gfp_t|dma_addr_t|phys_addr_t)$/;

/** Reads the declarations of a file. */
export function fileTypes(source: SourceFile): FileTypes {
  const members = new Map<string, string>();
  for (const { name, bodyStart, end } of source.structs.values()) {
    const body = source.code.slice(bodyStart + 1, end);
    addMembers(name, body, members);
  }
  const results = new Map<string, string>();
  let outside = '';
  let at = 0;
  for (const { name, start, nameStart, end } of source.functions) {
    outside += `${source.code.slice(at, start)}\n`;
    at = end;
    const specifiers = source.code.slice(start, nameStart);
    const type = /(?:\b(?:struct|union)\s+)?\b([A-Za-z_]\w*)[\s*]*$/.exec(specifiers)?.[1];
    if (type !== undefined && specifiers.includes('*') && !NO_STRUCT.test(type)) results.set(name, type);
  }
  outside += source.code.slice(at);
  const globals = new Map(declaredIn(withoutBodies(outside)));
  const elsewhere = new Map<string, string | undefined>();
  const get = (key: string): string | undefined => {
    const own = members.get(key);
    if (own !== undefined || source.headers.length === 0) return own;
    // Remembered runs ask for the same few again and again.
    if (!elsewhere.has(key)) elsewhere.set(key, inHeaders(source.headers, key));
    return elsewhere.get(key);
  };
  const number = namedNumbers(source);
  return { members: { get }, globals, results, numbers: { get: (name) => number(name)?.toString() } };
}

function declaredIn(code: string): [string, string][] {
  const out: [string, string][] = [];
  for (const match of code.matchAll(DECLARES)) {
    if (!NO_STRUCT.test(match[1]!) && !NO_STRUCT.test(match[2]!)) out.push([match[2]!, match[1]!]);
  }
  return out;
}

/** Blanks what stands in braces: members are no file-scope variables. */
function withoutBodies(code: string): string {
  let depth = 0;
  let out = '';
  for (const part of code.split(/([{}])/)) {
    if (part === '{') depth++;
    else if (part === '}') depth = Math.max(0, depth - 1);
    else if (depth === 0) out += part;
  }
  return out;
}

/** Macros that name the struct of their result as second argument. */
const NAMES_STRUCT = /^(?:container_of|\w+_entry(?:_or_null|_safe|_rcu)?)$/;

/** Struct that a member belongs to; undefined where the file does not tell. */
export function ownerOf(types: TypeLookup, ir: FunctionIr, e: Member): string | undefined {
  return structOf(types, ir, e.base);
}

/** Struct that an expression is, or points to. */
export function structOf(types: TypeLookup, ir: FunctionIr, e: Expr): string | undefined {
  switch (e.k) {
    case 'var':
      return e.local ? ir.structs.get(e.name) : types.globals.get(e.name);
    case 'member': {
      if (e.struct !== undefined) return e.struct;
      const owner = structOf(types, ir, e.base);
      return owner === undefined ? undefined : types.members.get(`${owner}.${e.name}`);
    }
    case 'index':
      return structOf(types, ir, e.base);
    case 'deref':
    case 'addr':
    case 'step':
      return structOf(types, ir, e.e);
    case 'binary':
    case 'assign':
      return structOf(types, ir, e.l);
    case 'cond':
      return structOf(types, ir, e.a) ?? structOf(types, ir, e.b);
    case 'cast':
      return e.struct;
    case 'call': {
      const named = e.fn !== undefined && NAMES_STRUCT.test(e.fn) ? e.args[1] : undefined;
      if (named?.k === 'var') return named.name;
      return e.fn === undefined ? undefined : types.results.get(e.fn);
    }
    default:
      return undefined;
  }
}

/** Name of the struct in the specifiers of a declaration; undefined for anything that is no struct. */
export function structNamed(specifiers: string): string | undefined {
  const tagged = /\b(?:struct|union)\s+([A-Za-z_]\w*)/.exec(specifiers)?.[1];
  if (tagged !== undefined) return tagged;
  const words = specifiers.trim().split(/\s+/);
  const last = words.at(-1)!;
  return words.some((w) => NO_STRUCT.test(w) && w !== 'const') || NO_STRUCT.test(last) ? undefined : last;
}

/** The same of a type that is a pointer to one, as it is written in a cast: `struct foo *`. */
export function structPointedTo(type: string): string | undefined {
  const star = type.indexOf('*');
  return star < 0 || type.includes('*', star + 1) ? undefined : structNamed(type.slice(0, star));
}
