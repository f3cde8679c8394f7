/**
 * A file as pieces of text: its functions, and what stands between them. A piece that an edit leaves alone is the same
 * object in the next version of the file, with all that was found out about it: facts of its text alone, without places
 * in the file.
 */
import type { SourceFile } from '../../syntax/source.ts';
import { cleanupDefinitions } from '../lower/cleanup.ts';
import { MemberTypes, memberText } from '../lower/members.ts';

export class Piece {
  /** Different for every text. */
  readonly id: number;
  /** Without comments and directives; of the file's configuration. */
  code = '';
  /** As the user wrote it, and with macros of interest replaced: other text makes another function. */
  text = '';
  expanded = '';
  /** Of a function: where its name and its body start in it. */
  nameAt = 0;
  bodyAt = 0;
  /** What lowering it has asked of the file's structs: `struct member`, and the answer as text. */
  readonly members = new Map<string, string>();
  readonly #facts = new Map<string, unknown>();

  constructor(id: number) {
    this.id = id;
  }

  /** What `make` finds out about the piece; it is asked once. It may read nothing but the piece, and makes no place. */
  fact<T>(name: string, make: (piece: Piece) => T): T {
    if (this.#facts.has(name)) return this.#facts.get(name) as T;
    const made = make(this);
    this.#facts.set(name, made);
    return made;
  }

  /** As fact(), of something that has places in the file: it is made again where the piece has moved. */
  placed<T>(name: string, start: number, make: () => T): T {
    const known = this.#facts.get(name) as { start: number; made: T } | undefined;
    if (known?.start === start) return known.made;
    const made = make();
    this.#facts.set(name, { start, made });
    return made;
  }

  /** What placed() made last, and where. */
  lastPlaced<T>(name: string): { readonly start: number; readonly made: T } | undefined {
    return this.#facts.get(name) as { start: number; made: T } | undefined;
  }

  /**
   * As fact(), where `make` also asks for what is not in the piece: it is asked again when one of its questions would be
   * answered otherwise. A question is a short text.
   */
  asked<T>(name: string, answer: (question: string) => string, make: (ask: Ask) => T): T {
    const known = this.#facts.get(name) as Asked<T> | undefined;
    if (known?.asked.every(([question, before]) => answer(question) === before)) return known.made;
    const asked = new Map<string, string>();
    const made = make((question) => {
      const answered = asked.get(question) ?? answer(question);
      asked.set(question, answered);
      return answered;
    });
    this.#facts.set(name, { asked: [...asked], made });
    return made;
  }
}

export type Ask = (question: string) => string;

interface Asked<T> {
  readonly asked: readonly (readonly [question: string, answer: string])[];
  readonly made: T;
}

/** A piece, and where it starts in this version of the file. */
export interface Placed {
  readonly piece: Piece;
  readonly start: number;
  /** Index of the function; undefined for what stands between functions. */
  readonly index?: number;
}

/** The pieces of the versions of one file. */
export class FilePieces {
  #ids = 0;
  #functions: readonly Piece[] = [];
  #gaps: readonly Piece[] = [];
  #inlines = new Map<string, Piece>();

  #macros: ReadonlyMap<string, string> = new Map();
  #structs = '';

  /** The pieces of a version: its functions in the order of the file, with those of headers behind them. */
  read(source: SourceFile): { functions: readonly Piece[]; inOrder: readonly Placed[] } {
    const { functions, code, text } = source;
    this.#forget(source);
    const written = functions.map(({ start, nameStart, bodyStart, end }, index) => ({
      code: code.slice(start, end),
      text: text.slice(start, end),
      expanded: source.expandedCode(index),
      nameAt: nameStart - start,
      bodyAt: bodyStart - start,
    }));
    const between = [0, ...functions.map(({ end }) => end)].map((from, i) => {
      const gap = code.slice(from, functions[i]?.start ?? code.length);
      return { code: gap, text: '', expanded: '', nameAt: 0, bodyAt: 0 };
    });
    this.#functions = this.#matched(this.#functions, written);
    this.#gaps = this.#matched(this.#gaps, between);
    const inlines = new Map<string, Piece>();
    for (const { name, header, code: inline, bodyStart } of source.inlines.values()) {
      const known = this.#inlines.get(name);
      const words = { code: '', text: header, expanded: inline, nameAt: 0, bodyAt: bodyStart };
      inlines.set(name, known !== undefined && isOf(known, words) ? known : this.#make(words));
    }
    this.#inlines = inlines;
    const inOrder = this.#gaps.flatMap((piece, i): Placed[] => {
      const gap = { piece, start: functions[i - 1]?.end ?? 0 };
      const fn = this.#functions[i];
      return fn === undefined ? [gap] : [gap, { piece: fn, start: functions[i]!.start, index: i }];
    });
    return { functions: [...this.#functions, ...inlines.values()], inOrder };
  }

  /** Forgets functions that mention macros, cleanups or members which are declared in another way now. */
  #forget(source: SourceFile): void {
    const macros = new Map(
      [...source.macros.values()].map(({ name, params, body }) => [
        name,
        `(${params?.join() ?? '-'})${body}`,
      ]),
    );
    for (const [name, does] of cleanupDefinitions(source.code))
      macros.set(name, `${macros.get(name)} ${does}`);
    const mentions = mentionsAny(changedMacros(this.#macros, macros));
    const structs = [...source.structs.values()]
      .map(({ start, end }) => source.code.slice(start, end))
      .join('\n');
    const types = structs === this.#structs ? undefined : new MemberTypes(source);
    this.#macros = macros;
    this.#structs = structs;
    if (mentions === undefined && types === undefined) return;
    const holds = (piece: Piece): boolean =>
      !(mentions?.test(piece.code) || mentions?.test(piece.expanded)) &&
      (types === undefined ||
        [...piece.members].every(([member, answer]) => textOf(types, member) === answer));
    // What is forgotten keeps its place, so that those around it are found again.
    this.#functions = this.#functions.map((piece) => (holds(piece) ? piece : new Piece(this.#ids++)));
    for (const [name, piece] of this.#inlines) if (!holds(piece)) this.#inlines.delete(name);
  }

  /** The pieces of some texts: those of the last version that are the same, and new ones. An edit changes few. */
  #matched(before: readonly Piece[], now: readonly Words[]): Piece[] {
    const found: Piece[] = new Array(now.length);
    let from = 0;
    while (from < now.length && from < before.length && isOf(before[from]!, now[from]!)) {
      found[from] = before[from]!;
      from++;
    }
    let end = now.length;
    let endBefore = before.length;
    while (end > from && endBefore > from && isOf(before[endBefore - 1]!, now[end - 1]!))
      found[--end] = before[--endBefore]!;
    const moved = new Map(before.slice(from, endBefore).map((piece) => [piece.code, piece]));
    for (let i = from; i < end; i++) {
      const same = moved.get(now[i]!.code);
      // One of two that are the same is enough: facts have no places.
      found[i] = same !== undefined && isOf(same, now[i]!) ? same : this.#make(now[i]!);
    }
    // A slice keeps its whole text alive: that of the version before may go.
    for (const [i, piece] of found.entries()) Object.assign(piece, now[i]);
    return found;
  }

  #make(words: Words): Piece {
    return Object.assign(new Piece(this.#ids++), words);
  }
}

function textOf(types: MemberTypes, question: string): string {
  const [struct = '', member = ''] = question.split(' ');
  return memberText(types, struct, member);
}

/** Macros that are not what they were, and those that lead to them. */
function changedMacros(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): Set<string> {
  const changed = new Set<string>();
  for (const [name, text] of now) if (before.get(name) !== text) changed.add(name);
  for (const name of before.keys()) if (!now.has(name)) changed.add(name);
  for (let size = -1; changed.size > 0 && size !== changed.size; ) {
    size = changed.size;
    const mentions = mentionsAny(changed)!;
    for (const [name, text] of now) if (!changed.has(name) && mentions.test(text)) changed.add(name);
  }
  return changed;
}

function mentionsAny(names: ReadonlySet<string>): RegExp | undefined {
  return names.size === 0 ? undefined : new RegExp(`\\b(?:${[...names].join('|')})\\b`);
}

interface Words {
  readonly code: string;
  readonly text: string;
  readonly expanded: string;
  readonly nameAt: number;
  readonly bodyAt: number;
}

function isOf(piece: Piece, { code, text, expanded, nameAt, bodyAt }: Words): boolean {
  return (
    piece.nameAt === nameAt &&
    piece.bodyAt === bodyAt &&
    piece.code === code &&
    piece.text === text &&
    piece.expanded === expanded
  );
}
