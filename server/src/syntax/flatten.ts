/** From a parser's tree to the flat tree, in one walk of a cursor. */
import { fieldOf, Kind, kindOf } from './kinds.ts';
import { NodeFlag, type SyntaxTree } from './tree.ts';

/** What both back ends' tree cursors offer. */
export interface Cursor {
  readonly nodeTypeId: number;
  readonly nodeType: string;
  readonly nodeIsNamed: boolean;
  readonly nodeIsMissing: boolean;
  /** For a node without a field, one back end says 0, the other undefined. */
  readonly currentFieldId: number | undefined;
  readonly currentFieldName: string | null;
  readonly startIndex: number;
  readonly endIndex: number;
  gotoFirstChild(): boolean;
  gotoNextSibling(): boolean;
  gotoParent(): boolean;
}

const NAMED_BIT = 0x10000;
/** Nodes of this kind have no children. Asking a cursor costs more than everything else here, so it is not asked. */
const LEAF_BIT = 0x20000;
/** Nodes of this kind are under no field. */
const FIELDLESS_BIT = 0x40000;

/** Named kinds without children. Anonymous tokens never have any. */
const NAMED_LEAVES: ReadonlySet<number> = new Set([
  Kind.identifier,
  Kind.field_identifier,
  Kind.type_identifier,
  Kind.statement_identifier,
  Kind.number_literal,
  Kind.string_content,
  Kind.escape_sequence,
  Kind.primitive_type,
  Kind.true,
  Kind.false,
  Kind.comment,
]);

/** Of the anonymous tokens, the grammar gives a field to operators only. */
const FIELDLESS_TOKEN = /^[;,(){}]$/;

/** Turns trees of one grammar into flat trees; remembers what the grammar's numbers mean. */
export class Flattener {
  readonly #kinds = new Int32Array(0x10000).fill(-1);
  readonly #fields: number[] = [0];
  #capacity = 4096;
  #kind = new Uint16Array(this.#capacity);
  #field = new Uint8Array(this.#capacity);
  #start = new Uint32Array(this.#capacity);
  #end = new Uint32Array(this.#capacity);
  #parent = new Int32Array(this.#capacity);
  #firstChild = new Int32Array(this.#capacity);
  #nextSibling = new Int32Array(this.#capacity);
  #flags = new Uint8Array(this.#capacity);

  /** Reads the whole tree under the cursor. `from` is where the parsed slice stands in `text`. */
  flatten(cursor: Cursor, text: string, from: number): SyntaxTree {
    const count = this.#walk(cursor, from);
    const hasError = this.#spreadErrors(count);
    return {
      text,
      count,
      kind: this.#kind.slice(0, count),
      field: this.#field.slice(0, count),
      start: this.#start.slice(0, count),
      end: this.#end.slice(0, count),
      parent: this.#parent.slice(0, count),
      firstChild: this.#firstChild.slice(0, count),
      nextSibling: this.#nextSibling.slice(0, count),
      flags: this.#flags.slice(0, count),
      hasError,
    };
  }

  #walk(cursor: Cursor, from: number): number {
    let node = 0;
    let parent = -1;
    let previous = -1;
    for (;;) {
      if (node === this.#capacity) this.#grow();
      const isLeaf = this.#read(cursor, node, from);
      this.#parent[node] = parent;
      this.#firstChild[node] = -1;
      this.#nextSibling[node] = -1;
      if (previous >= 0) this.#nextSibling[previous] = node;
      else if (parent >= 0) this.#firstChild[parent] = node;

      if (!isLeaf && cursor.gotoFirstChild()) {
        parent = node;
        previous = -1;
        node++;
        continue;
      }
      let last = node;
      while (!cursor.gotoNextSibling()) {
        if (parent < 0 || !cursor.gotoParent()) return node + 1;
        last = parent;
        parent = this.#parent[parent]!;
      }
      previous = last;
      node++;
    }
  }

  /** Reads the cursor's node; answers whether it is known to have no children. */
  #read(cursor: Cursor, node: number, from: number): boolean {
    const type = cursor.nodeTypeId;
    let known = this.#kinds[type]!;
    if (known < 0) {
      known = describe(cursor);
      this.#kinds[type] = known;
    }
    const kind = known & 0xffff;
    const start = cursor.startIndex + from;
    const end = cursor.endIndex + from;
    let flags = known & NAMED_BIT ? NodeFlag.named : 0;
    if (kind === Kind.ERROR) flags |= NodeFlag.error | NodeFlag.hasError;
    else if (start === end && cursor.nodeIsMissing) flags |= NodeFlag.missing | NodeFlag.hasError;
    this.#kind[node] = kind;
    this.#start[node] = start;
    this.#end[node] = end;
    this.#flags[node] = flags;
    this.#field[node] = known & FIELDLESS_BIT ? 0 : this.#fieldOf(cursor);
    return (known & LEAF_BIT) !== 0;
  }

  #fieldOf(cursor: Cursor): number {
    const id = cursor.currentFieldId;
    if (id === undefined || id === 0) return 0;
    let field = this.#fields[id];
    if (field === undefined) {
      field = fieldOf(cursor.currentFieldName ?? '');
      this.#fields[id] = field;
    }
    return field;
  }

  /** Children come after their parent, so one pass backwards reaches every ancestor. */
  #spreadErrors(count: number): boolean {
    for (let node = count - 1; node > 0; node--) {
      if (this.#flags[node]! & NodeFlag.hasError) this.#flags[this.#parent[node]!]! |= NodeFlag.hasError;
    }
    return (this.#flags[0]! & NodeFlag.hasError) !== 0;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#kind = grown(this.#kind, new Uint16Array(this.#capacity));
    this.#field = grown(this.#field, new Uint8Array(this.#capacity));
    this.#start = grown(this.#start, new Uint32Array(this.#capacity));
    this.#end = grown(this.#end, new Uint32Array(this.#capacity));
    this.#parent = grown(this.#parent, new Int32Array(this.#capacity));
    this.#firstChild = grown(this.#firstChild, new Int32Array(this.#capacity));
    this.#nextSibling = grown(this.#nextSibling, new Int32Array(this.#capacity));
    this.#flags = grown(this.#flags, new Uint8Array(this.#capacity));
  }
}

/** What is known of all nodes of the kind that the cursor is on. */
function describe(cursor: Cursor): number {
  const kind = kindOf(cursor.nodeType);
  if (!cursor.nodeIsNamed)
    return kind | LEAF_BIT | (FIELDLESS_TOKEN.test(cursor.nodeType) ? FIELDLESS_BIT : 0);
  // A comment may stand anywhere: the field that a cursor names for it belongs to its neighbour.
  const fieldless = kind === Kind.comment ? FIELDLESS_BIT : 0;
  return kind | NAMED_BIT | (NAMED_LEAVES.has(kind) ? LEAF_BIT : 0) | fieldless;
}

function grown<A extends Uint8Array | Uint16Array | Uint32Array | Int32Array>(old: A, bigger: A): A {
  bigger.set(old);
  return bigger;
}

/** The tree of a text that no parser could read: one ERROR node over all of it. */
export function unreadableTree(text: string, from: number, length: number): SyntaxTree {
  return {
    text,
    count: 1,
    kind: Uint16Array.of(Kind.ERROR),
    field: Uint8Array.of(0),
    start: Uint32Array.of(from),
    end: Uint32Array.of(from + length),
    parent: Int32Array.of(-1),
    firstChild: Int32Array.of(-1),
    nextSibling: Int32Array.of(-1),
    flags: Uint8Array.of(NodeFlag.named | NodeFlag.error | NodeFlag.hasError),
    hasError: true,
  };
}
