/**
 * Texts that name something in a state (a place, a fact, a page set), each known once: what is asked of a text at every
 * step is read off it when it is first met.
 */

/** The memory that a path has allocated and that an address lies in, which was computed from its: of `(@!a;+n)`, `@!a;`. */
export function allocationOf(text: string): string | undefined {
  return text[0] === '(' ? /^\(+(@![^;@]*;)/.exec(text)?.[1] : text.startsWith('@!') ? text : undefined;
}

const RESULT = /@[^;@]*;/g;
const NONE: readonly string[] = [];

/** Results of calls (`@0f#1.1;`, with the semicolon) that a text mentions. */
export function resultsIn(text: string): readonly string[] {
  return text.includes('@') ? (text.match(RESULT) ?? NONE) : NONE;
}

const INITIAL = /\*(\d\w*):(\w+)/g;

interface InitialContent {
  readonly frame: string;
  readonly local: string;
  /** The local's place. */
  readonly text: string;
}

/** A text that was met before. Equal texts are the same object. */
export class Name {
  /** Numbered from 1 on. */
  readonly id: number;
  readonly text: string;
  /** Frame and variable where the text is a place in a local, or in the array that a local is or leads to; else ''. */
  readonly frame: string;
  readonly local: string;
  readonly results: readonly string[];
  #objects: readonly string[] | undefined;
  #initials: readonly InitialContent[] | undefined;

  constructor(text: string, id: number) {
    this.id = id;
    this.text = text;
    this.results = resultsIn(text);
    // A frame's name starts with its depth: `0main:x`, `&0main:x[1]`, `!0main:x[0]`.
    const from = text[0] === '&' || text[0] === '!' ? 1 : 0;
    const colon = text.indexOf(':', from);
    const isLocal = colon > from && /^\d\w*$/.test(text.slice(from, colon));
    this.frame = isLocal ? text.slice(from, colon) : '';
    this.local = isLocal ? variableAt(text, colon + 1) : '';
  }

  /** Locals whose initial content the text mentions: `*0main:x` in `(*0main:x==0)`. */
  get initials(): readonly InitialContent[] {
    this.#initials ??= [...this.text.matchAll(INITIAL)].map(([, frame, local]) => ({
      frame: frame!,
      local: local!,
      text: `${frame}:${local}`,
    }));
    return this.#initials;
  }

  /** Texts of the objects that a place lies in. */
  get objects(): readonly string[] {
    this.#objects ??= objectsAround(this.text);
    return this.#objects;
  }
}

export class Names {
  readonly #known = new Map<string, Name>();

  of(text: string): Name {
    let name = this.#known.get(text);
    if (name === undefined) {
      name = new Name(text, this.#known.size + 1);
      this.#known.set(text, name);
    }
    return name;
  }

  /** Undefined for a text that was never met. */
  find(text: string): Name | undefined {
    return this.#known.get(text);
  }
}

function variableAt(text: string, from: number): string {
  let end = from;
  while (end < text.length && text[end] !== '.' && text[end] !== '[') end++;
  return text.slice(from, end);
}

/**
 * `*a.b[0]` lies in `*a.b[0]`, `*a.b`, `*a`, and, since what a member points to is reached through it, in `a.b[0]`,
 * `a.b`, `a`.
 */
function objectsAround(text: string): string[] {
  const found = new Set<string>();
  for (let own = text; ; own = own.slice(1)) {
    found.add(own);
    for (let i = own.length - 1; i > 0; i--) if (own[i] === '[' || own[i] === '.') found.add(own.slice(0, i));
    const whole = own[0] === '(' ? allocationOf(own) : undefined;
    if (whole !== undefined) found.add(whole);
    if (own[0] !== '*' && own[0] !== '&') return [...found];
  }
}
