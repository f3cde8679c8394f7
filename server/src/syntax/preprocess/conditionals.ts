/** `#if … #endif` groups: reading their structure and choosing one consistent configuration. */
import type { Range } from '../range.ts';
import { Environment } from './environment.ts';
import { evaluate, truth } from './expression.ts';
import { type MacroDefinition, macroOf } from './macros.ts';
import type { Directive } from './scan.ts';
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
}

export interface Conditionals {
  /** In the order of their `#if`, without those inside branches that are not read. */
  readonly groups: readonly Conditional[];
  readonly macros: ReadonlyMap<string, MacroDefinition>;
  /** Text that is not code of this configuration, directives included: start and end, alternating, sorted. */
  readonly excluded: readonly number[];
}

interface OpenGroup {
  readonly start: number;
  readonly branches: { condition: string; start: number; end: number }[];
  /** The group itself stands in text that is read. */
  readonly live: boolean;
  taken: number;
  decided: boolean;
}

/** Chooses a configuration and reads the macros that it defines. Total: unbalanced directives are tolerated. */
export function resolveConditionals(
  text: string,
  directives: readonly Directive[],
  options: ConditionalOptions,
): Conditionals {
  return new Resolver(text, directives, options).run();
}

class Resolver {
  readonly #text: string;
  readonly #directives: readonly Directive[];
  readonly #options: ConditionalOptions;
  readonly #environment: Environment;
  readonly #assumedTexts = new Map<string, boolean>();
  readonly #open: OpenGroup[] = [];
  readonly #groups: Conditional[] = [];
  readonly #macros = new Map<string, MacroDefinition>();
  readonly #excluded: number[] = [];
  /** Start of the excluded text that is being passed, or -1. */
  #excludedFrom = -1;

  constructor(text: string, directives: readonly Directive[], options: ConditionalOptions) {
    this.#text = text;
    this.#directives = directives;
    this.#options = options;
    this.#environment = new Environment(options.kernelVersion);
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
    return { groups: this.#groups, macros: this.#macros, excluded: this.#excluded };
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
      case 'elif':
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
    }
  }

  #define(directive: Directive): void {
    if (directive.name === 'define') {
      const macro = macroOf(directive);
      if (macro === undefined) return;
      this.#macros.set(macro.name, macro);
      this.#environment.define(macro.name, macro.params === undefined ? macro.body : '');
    } else if (directive.name === 'undef') {
      const name = directive.rest.trim();
      this.#macros.delete(name);
      this.#environment.undefine(name);
    }
  }

  #branch(directive: Directive, index: number): void {
    const group = this.#open.at(-1);
    if (group === undefined) return;
    const last = group.branches.at(-1);
    if (last !== undefined) last.end = directive.start;
    const condition = conditionOf(directive);
    group.branches.push({ condition, start: directive.end, end: directive.end });
    if (!group.live || group.taken >= 0) return;
    const chosen = this.#options.choices?.get(group.start);
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
    const before = this.#assumedTexts.get(key);
    if (before !== undefined) return before;
    const holds = this.#choose(index);
    const name = definedTest(condition);
    if (name === undefined) this.#assumedTexts.set(key, holds);
    else this.#environment.assume(name.name, name.positive === holds);
    return holds;
  }

  /** An undecided branch is read unless only a later branch of its group has what is preferred. */
  #choose(index: number): boolean {
    const { prefer } = this.#options;
    if (prefer === undefined) return true;
    const [first, later] = this.#branchTexts(index);
    return prefer.test(first) || !prefer.test(later);
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
