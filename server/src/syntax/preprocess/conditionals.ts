/** `#if … #endif` groups: reading their structure and choosing one consistent configuration. */
import type { Range } from '../range.ts';
import { Environment, type LifeOf } from './environment.ts';
import { evaluate, truth } from './expression.ts';
import { type Header, includedName, MAX_HEADERS, MAX_INCLUDE_DEPTH, type ReadHeader } from './headers.ts';
import { type MacroDefinition, macroOf } from './macros.ts';
import { type Directive, type Scan, scan } from './scan.ts';
import type { KernelVersion } from './version.ts';

/** One branch of a group. */
export interface Branch {
  /** The condition as an expression; empty for `#else`. `#ifdef X` is `defined(X)`. */
  readonly condition: string;
  /** The lines between this branch's directive and the next. */
  readonly range: Range;
}

/** A `#if … #endif`. */
export interface Conditional {
  /** From the `#if` to the end of the `#endif`. */
  readonly range: Range;
  readonly branches: readonly Branch[];
  /** Index of the branch that is read; -1 when none is. */
  readonly taken: number;
  /** Whether version, configuration and the file's own macros decided it; false where a choice was made. */
  readonly decided: boolean;
}

export interface ConditionalOptions {
  readonly kernelVersion: KernelVersion;
  /** Where nothing decides a condition, the branch that matches this is preferred to the first. */
  readonly prefer?: RegExp;
  /** Choices that overrule everything else: offset of the `#if` to the index of the branch, -1 for none. */
  readonly choices?: ReadonlyMap<number, number>;
  /** Names that are defined, or are not, unless the file says otherwise. */
  readonly given?: ReadonlyMap<string, boolean>;
  readonly lifeOf?: LifeOf;
  /** Tells of the text of a branch whether the release has what it calls. */
  readonly fitOf?: (code: string, kernel: KernelVersion) => Fit | undefined;
  /** Finds the headers that quoted includes name; without it none is followed. */
  readonly readHeader?: ReadHeader;
  /** What makes a header worth reading, besides names that `#if` lines of the file ask for. */
  readonly headerMatters?: RegExp;
}

/** Whether a release has what code calls; `alias`: it gives another name to something that takes other arguments by now. */
export type Fit = 'fits' | 'outdated' | 'alias';

/** A header that was read, and what of it is not code of this configuration. */
export interface IncludedHeader {
  readonly header: Header;
  readonly scan: Scan;
  /** As in Conditionals. */
  readonly excluded: readonly number[];
  readonly groups: readonly Conditional[];
}

export interface Conditionals {
  /** In the order of their `#if`, without those inside branches that are not read. */
  readonly groups: readonly Conditional[];
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** Text that is not code of this configuration, directives included: start and end, alternating, sorted. */
  readonly excluded: readonly number[];
  /** Headers that were read, in the order in which they end. */
  readonly headers: readonly IncludedHeader[];
  /** All headers of the project that were met, also those of which only the includes were followed. */
  readonly met: readonly Header[];
}

interface OpenGroup {
  readonly start: number;
  readonly branches: { condition: string; start: number; end: number }[];
  /** The group itself stands in text that is read. */
  readonly live: boolean;
  taken: number;
  decided: boolean;
}

/** A file or header, and its groups as some configuration has them. */
export interface FileConditionals {
  readonly path: string;
  readonly text: string;
  readonly groups: readonly Conditional[];
}

/** The groups of the file itself and of its headers. */
export function byFile(path: string, text: string, { groups, headers }: Conditionals): FileConditionals[] {
  return [{ path, text, groups }, ...headers.map((each) => ({ ...each.header, groups: each.groups }))];
}

/**
 * Chooses a configuration and reads the macros that it defines, in the file and in the headers of its project. Total:
 * unbalanced directives are tolerated.
 */
export function resolveConditionals(
  path: string,
  text: string,
  directives: readonly Directive[],
  options: ConditionalOptions,
): Conditionals {
  const shared: Shared = {
    environment: new Environment(options.kernelVersion, options.given, options.lifeOf),
    assumedTexts: new Map(),
    macros: new Map(),
    headers: [],
    met: [],
    seen: new Set([path]),
    asked: options.readHeader === undefined ? new Set() : namesAskedFor(directives),
    needed: new Set(),
  };
  return new Resolver(path, text, directives, options, shared, 0).run();
}

/** A header is scanned once, however many files and configurations it is read for. */
const scans = new WeakMap<Header, Scan>();

function scanOf(header: Header): Scan {
  const found = scans.get(header) ?? scan(header.text);
  scans.set(header, found);
  return found;
}

/** Whether headers match the pattern by which they were asked last. */
const mattering = new WeakMap<Header, { readonly pattern: RegExp; readonly matters: boolean }>();

function doesMatter(header: Header, pattern: RegExp): boolean {
  const known = mattering.get(header);
  if (known?.pattern === pattern) return known.matters;
  const matters = pattern.test(header.text);
  mattering.set(header, { pattern, matters });
  return matters;
}

/** What a file and its headers have in common. */
interface Shared {
  readonly environment: Environment;
  readonly assumedTexts: Map<string, boolean>;
  readonly macros: Map<string, MacroDefinition>;
  readonly headers: IncludedHeader[];
  readonly met: Header[];
  /** Paths of the files that were met. */
  readonly seen: Set<string>;
  /** Names in the conditions of the file. */
  readonly asked: ReadonlySet<string>;
  /** Names that have to be defined for preferred text to be read. */
  readonly needed: Set<string>;
}

function namesAskedFor(directives: readonly Directive[]): Set<string> {
  const names = new Set<string>();
  for (const { name, rest } of directives) {
    if (!/^(?:el)?if/.test(name)) continue;
    for (const word of rest.match(/[A-Za-z_]\w*/g) ?? []) names.add(word);
  }
  return names;
}

class Resolver {
  readonly #path: string;
  readonly #depth: number;
  readonly #shared: Shared;
  readonly #text: string;
  readonly #directives: readonly Directive[];
  readonly #options: ConditionalOptions;
  readonly #environment: Environment;
  readonly #open: OpenGroup[] = [];
  readonly #groups: Conditional[] = [];
  readonly #excluded: number[] = [];
  /** Start of the excluded text that is being passed, or -1. */
  #excludedFrom = -1;

  constructor(
    path: string,
    text: string,
    directives: readonly Directive[],
    options: ConditionalOptions,
    shared: Shared,
    depth: number,
  ) {
    this.#path = path;
    this.#text = text;
    this.#directives = directives;
    this.#options = options;
    this.#shared = shared;
    this.#depth = depth;
    this.#environment = shared.environment;
    if (options.prefer !== undefined) this.#assumeWhatPreferredBranchesNeed(options.prefer);
  }

  run(): Conditionals {
    this.#directives.forEach((directive, index) => {
      const wasLive = this.#excludedFrom < 0;
      this.#step(directive, index);
      const live = this.#open.every((group) => group.live && group.taken === group.branches.length - 1);
      if (wasLive) this.#excludedFrom = directive.start;
      if (live) {
        this.#excluded.push(this.#excludedFrom, directive.end);
        this.#excludedFrom = -1;
      }
    });
    if (this.#excludedFrom >= 0) this.#excluded.push(this.#excludedFrom, this.#text.length);
    while (this.#open.length > 0) this.#close(this.#text.length, this.#text.length);
    this.#groups.sort((a, b) => a.range.start - b.range.start);
    const { macros, headers, met } = this.#shared;
    return { groups: this.#groups, macros, excluded: this.#excluded, headers, met };
  }

  #step(directive: Directive, index: number): void {
    switch (directive.name) {
      case 'if':
      case 'ifdef':
      case 'ifndef':
        this.#open.push({
          start: directive.start,
          branches: [],
          live: this.#excludedFrom < 0,
          taken: -1,
          decided: true,
        });
        this.#branch(directive, index);
        break;
      // `elsif` no compiler reads, but in a group that it skips nobody notices: `elif` is what was meant.
      case 'elif':
      case 'elsif':
      case 'elifdef':
      case 'elifndef':
      case 'else':
        this.#branch(directive, index);
        break;
      case 'endif':
        this.#close(directive.start, directive.end);
        break;
      default:
        if (this.#excludedFrom < 0) this.#define(directive);
        else this.#leaveUndefined(directive);
    }
  }

  /** A name that the file would define in another configuration is not defined in this one. */
  #leaveUndefined(directive: Directive): void {
    const name = directive.name === 'define' ? macroOf(directive)?.name : undefined;
    if (name === undefined || name.startsWith('CONFIG_') || this.#shared.macros.has(name)) return;
    this.#environment.undefine(name);
  }

  #define(directive: Directive): void {
    if (directive.name === 'include') {
      const name = includedName(directive.rest);
      if (name !== undefined) this.#include(name, this.#path, this.#depth + 1);
    } else if (directive.name === 'define') {
      const macro = macroOf(directive);
      if (macro === undefined) return;
      this.#shared.macros.set(macro.name, this.#depth === 0 ? macro : { ...macro, header: this.#path });
      this.#environment.define(macro.name, macro.body, macro.params);
    } else if (directive.name === 'undef') {
      const name = directive.rest.trim();
      this.#shared.macros.delete(name);
      this.#environment.undefine(name);
    }
  }

  /** Reads a header for its macros, or, where it has nothing of interest, only follows its own includes. */
  #include(name: string, from: string, depth: number): void {
    const { seen, asked, headers } = this.#shared;
    const { readHeader, headerMatters } = this.#options;
    if (readHeader === undefined || depth > MAX_INCLUDE_DEPTH || seen.size > MAX_HEADERS) return;
    const header = readHeader(name, from);
    if (header === undefined || seen.has(header.path)) return;
    seen.add(header.path);
    this.#shared.met.push(header);
    const settles = [...asked].filter((word) => header.defines.has(word));
    if (settles.length === 0 && (headerMatters === undefined || !doesMatter(header, headerMatters))) {
      for (const next of header.includes) this.#include(next, header.path, depth + 1);
      return;
    }
    const found = scanOf(header);
    const { path, text } = header;
    const resolver = new Resolver(path, text, found.directives, this.#options, this.#shared, depth);
    const { excluded, groups } = resolver.run();
    headers.push({ header, scan: found, excluded, groups });
    // What it could have defined and has not is not defined.
    for (const word of settles) if (!this.#shared.macros.has(word)) this.#environment.undefine(word);
  }

  #branch(directive: Directive, index: number): void {
    const group = this.#open.at(-1);
    if (group === undefined) return;
    const last = group.branches.at(-1);
    if (last !== undefined) last.end = directive.start;
    const condition = conditionOf(directive);
    group.branches.push({ condition, start: directive.end, end: directive.end });
    if (!group.live || group.taken >= 0) return;
    // Choices are by offsets of the file, not of its headers.
    const chosen = this.#depth === 0 ? this.#options.choices?.get(group.start) : undefined;
    const position = group.branches.length - 1;
    const holds = chosen === undefined ? this.#holds(group, condition, index) : chosen === position;
    if (holds) group.taken = position;
  }

  #holds(group: OpenGroup, condition: string, index: number): boolean {
    if (condition === '') return true;
    const decided = truth(evaluate(condition, this.#environment));
    if (decided !== undefined) return decided;
    group.decided = false;
    const key = condition.replace(/\s+/g, '');
    const before = this.#shared.assumedTexts.get(key);
    if (before !== undefined) return before;
    const holds = this.#choose(index);
    const name = definedTest(condition);
    if (name === undefined) this.#shared.assumedTexts.set(key, holds);
    else this.#environment.assume(name.name, name.positive === holds);
    return holds;
  }

  /**
   * An undecided branch is read unless only a later branch of its group has what is preferred, or defines a name that is
   * needed for it, or it alone is for other releases.
   */
  #choose(index: number): boolean {
    const { prefer, fitOf, kernelVersion } = this.#options;
    if (prefer === undefined) return true;
    const [first, later] = this.#branchTexts(index);
    if (prefer.test(first) !== prefer.test(later)) return prefer.test(first);
    const defines = definesOneOf(this.#shared.needed, first);
    if (defines !== definesOneOf(this.#shared.needed, later)) return defines;
    const fit = later.trim() === '' ? undefined : fitOf?.(first, kernelVersion);
    if (fit === undefined || fit === 'fits') return true;
    const others = fitOf?.(later, kernelVersion);
    return fit === 'alias' ? others !== 'fits' : others === 'outdated';
  }

  /** The text of the branch that starts at a directive, and of the branches behind it. */
  #branchTexts(index: number): [string, string] {
    let depth = 0;
    let next = -1;
    for (let i = index + 1; i < this.#directives.length; i++) {
      const { name, start } = this.#directives[i]!;
      if (name === 'if' || name === 'ifdef' || name === 'ifndef') depth++;
      else if (depth === 0 && next < 0 && name.startsWith('el')) next = start;
      else if (name === 'endif' && depth-- === 0) {
        if (next < 0) next = start;
        return [this.#text.slice(this.#directives[index]!.end, next), this.#text.slice(next, start)];
      }
    }
    return ['', ''];
  }

  /**
   * A name such as HAVE_PIN_USER_PAGES may be tested first where nothing of interest depends on it. What it counts as
   * is therefore settled before: by the first test of which only one side holds preferred text.
   */
  #assumeWhatPreferredBranchesNeed(prefer: RegExp): void {
    const settled = new Set<string>();
    this.#directives.forEach((directive, index) => {
      if (!directive.name.startsWith('if')) return;
      const test = definedTest(conditionOf(directive));
      if (test === undefined || settled.has(test.name)) return;
      const [first, later] = this.#branchTexts(index).map((text) => prefer.test(text));
      if (first === later) return;
      settled.add(test.name);
      this.#environment.assume(test.name, test.positive === first);
      if (test.positive === first) this.#shared.needed.add(test.name);
    });
  }

  #close(start: number, end: number): void {
    const group = this.#open.pop();
    if (group === undefined) return;
    const last = group.branches.at(-1);
    if (last !== undefined) last.end = start;
    if (!group.live) return;
    this.#groups.push({
      range: { start: group.start, end },
      branches: group.branches.map((branch) => ({
        condition: branch.condition,
        range: { start: branch.start, end: branch.end },
      })),
      taken: group.taken,
      decided: group.decided,
    });
  }
}

/** Whether a `#define` in the text is of one of the names. */
function definesOneOf(names: ReadonlySet<string>, text: string): boolean {
  if (names.size === 0) return false;
  for (const [, name] of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)/gm))
    if (names.has(name!)) return true;
  return false;
}

function conditionOf(directive: Directive): string {
  const rest = directive.rest.trim();
  switch (directive.name) {
    case 'ifdef':
    case 'elifdef':
      return `defined(${rest.split(/\s/, 1)[0]})`;
    case 'ifndef':
    case 'elifndef':
      return `!defined(${rest.split(/\s/, 1)[0]})`;
    case 'else':
      return '';
    default:
      return rest === '' ? '0' : rest;
  }
}

/** `defined(X)` or `!defined(X)` alone. */
function definedTest(condition: string): { name: string; positive: boolean } | undefined {
  const match = /^(!?)\s*defined\s*(?:\(\s*(\w+)\s*\)|(\w+))$/.exec(condition);
  return match === null ? undefined : { name: match[2] ?? match[3] ?? '', positive: match[1] === '' };
}
