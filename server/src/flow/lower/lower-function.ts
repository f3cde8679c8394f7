/** A function's statements to a control flow graph whose nodes carry compact expressions. */
import { Field, Kind } from '../../syntax/kinds.ts';
import type { Range } from '../../syntax/range.ts';
import { macroOfStatement } from '../../syntax/rewritten.ts';
import type { SyntaxTree } from '../../syntax/tree.ts';
import { NodeFlag } from '../../syntax/tree.ts';
import { assignedBefore, isTruth } from './canonical.ts';
import { type Cleanup, type Definitions as CleanupDefinitions, cleanupsOf } from './cleanup.ts';
import { conditionsOf } from './conditions.ts';
import { type Declarations, declarationsOf } from './declarations.ts';
import { endsRounds, isEndlessLoop } from './endless.ts';
import type { Call, Expr, FunctionIr, Node, Place } from './ir.ts';
import { elementOf, flatten, iteratorsOf } from './iterators.ts';
import { lowerDeclaration, lowerExpr, type Scope } from './lower-expr.ts';
import type { MemberLookup } from './members.ts';
import { childByField, namedChildren, textOf } from './navigate.ts';
import { NO_RETURN, STOP_IF } from './stops.ts';
import { type Case, caseValue, type EnterCases, isTruthCase, startOf } from './switches.ts';
import { dropTemporaries } from './temporaries.ts';

/** The tree of a function, and how its places lead back to the file's text. */
export interface FunctionTree {
  readonly tree: SyntaxTree;
  /** The file as the user wrote it. */
  readonly text: string;
  /** Place in the file of a range of the tree. */
  readonly place: (start: number, end: number) => Place;
  /** Types of struct members that the file defines. */
  readonly members?: MemberLookup;
  /** What `__free(name)` does, by name. */
  readonly cleanups?: CleanupDefinitions;
}

/**
 * Lowers the first function definition of a tree. Returns undefined when the tree holds none (the slice is broken
 * beyond what the parser recovers from).
 */
export function lowerFunction(of: FunctionTree, name: string, isStatic: boolean): FunctionIr | undefined {
  const { tree } = of;
  const root = findDefinition(tree);
  if (root < 0) return undefined;
  const body = childByField(tree, root, Field.body);
  if (body < 0) return undefined;
  return new Builder(of, name, isStatic, root, body).build();
}

function findDefinition(tree: SyntaxTree): number {
  for (let n = 0; n < tree.count; n++) if (tree.kind[n] === Kind.function_definition) return n;
  return -1;
}

/** Where break and continue lead. */
interface Targets {
  readonly onBreak: number;
  readonly onContinue: number;
  /** Out of a loop that has no condition of its own. */
  readonly isEndless?: boolean;
}

class Builder {
  readonly #of: FunctionTree;
  readonly #tree: SyntaxTree;
  readonly #name: string;
  readonly #isStatic: boolean;
  readonly #root: number;
  readonly #body: number;
  readonly #nodes: Node[] = [];
  readonly #calls: Call[] = [];
  readonly #declarations: Declarations;
  readonly #labels = new Map<string, number>();
  readonly #scope: Scope;
  /** Of variables that clean up after themselves, in the order of their declarations. */
  readonly #cleanups: readonly Cleanup[];

  constructor(of: FunctionTree, name: string, isStatic: boolean, root: number, body: number) {
    const { tree } = of;
    this.#of = of;
    this.#tree = tree;
    this.#name = name;
    this.#isStatic = isStatic;
    this.#root = root;
    this.#body = body;
    this.#declarations = declarationsOf(tree, root, body);
    const at = (node: number): Place => this.#at(node);
    this.#cleanups = cleanupsOf(of.text, this.#at(root), of.cleanups, this.#calls).filter(({ name: local }) =>
      this.#declarations.locals.has(local),
    );
    const cleaned = new Set(this.#cleanups.map((each) => each.name));
    this.#scope = { tree, at, ...this.#declarations, members: of.members, calls: this.#calls, cleaned };
  }

  build(): FunctionIr {
    const entry = this.#node('entry', this.#at(this.#root));
    const empty = this.#cleanups.reduce((at, c) => this.#then(at, 'expr', c.empty, c.empty), entry);
    const exit = this.#block(this.#body, empty, undefined);
    if (exit >= 0)
      this.#return(exit, this.#of.place(this.#tree.end[this.#body]! - 1, this.#tree.end[this.#body]!));
    for (const n of this.#nodes) for (const s of n.succ) this.#nodes[s]!.preds++;
    dropTemporaries(this.#nodes, this.#scope.cleaned, this.#declarations.structs);
    return {
      name: this.#name,
      isStatic: this.#isStatic,
      range: this.#at(this.#root),
      params: this.#declarations.params,
      structs: this.#declarations.structs,
      nodes: this.#nodes,
      calls: this.#calls,
      conditions: conditionsOf(this.#of.text, this.#nodes, this.#declarations.params),
      cleaned: this.#cleanups.length === 0 ? [] : [...this.#scope.cleaned, '#kept', '#returned'],
      partlyRead: this.#tree.hasError,
    };
  }

  #at(node: number): Place {
    return this.#of.place(this.#tree.start[node]!, this.#tree.end[node]!);
  }

  #node(kind: Node['kind'], { start, end }: Range, expr?: Expr): number {
    const id = this.#nodes.length;
    this.#nodes.push({ id, kind, expr, succ: [], preds: 0, range: { start, end } });
    return id;
  }

  #edge(from: number, to: number): void {
    this.#nodes[from]!.succ.push(to);
  }

  /** Appends a node after `from` and returns it. */
  #then(from: number, kind: Node['kind'], range: Range, expr?: Expr): number {
    const id = this.#node(kind, range, expr);
    this.#edge(from, id);
    return id;
  }

  #block(block: number, from: number, targets: Targets | undefined): number {
    let at = from;
    for (const s of namedChildren(this.#tree, block)) at = this.#statement(s, at, targets);
    if (at < 0 || this.#cleanups.length === 0 || block === this.#body) return at;
    const { start, end } = this.#at(block);
    const ending = this.#cleanups.filter(({ empty }) => start <= empty.start && empty.end <= end);
    return this.#cleanUp(at, ending);
  }

  /** The variables are cleaned up, the last one first. */
  #cleanUp(from: number, ending: readonly Cleanup[]): number {
    return ending.flatMap((c) => c.undo).reduce((at, e) => this.#then(at, 'expr', e, e), from);
  }

  /**
   * Returns after all variables have been cleaned up, the value being computed before. One that a jump has left behind is
   * cleaned up here too: later than it is, but in time.
   */
  #return(from: number, range: Range, value?: Expr): void {
    const last = [...this.#cleanups].reverse();
    const isKept = value === undefined || value.k === 'var' || value.k === 'num' || last.length === 0;
    const { start, end } = range;
    const kept: Expr = { k: 'var', name: '#returned', local: true, start, end };
    const at = isKept
      ? from
      : this.#then(from, 'expr', range, { k: 'assign', op: '=', l: kept, r: value, start, end });
    this.#then(this.#cleanUp(at, last), 'return', range, isKept ? value : kept);
  }

  /** Lowers one statement reached from `from` (-1: not reached); returns where control leaves it, or -1. */
  #statement(s: number, from: number, targets: Targets | undefined): number {
    const tree = this.#tree;
    const kind = tree.kind[s];
    if (kind === Kind.labeled_statement) return this.#labeled(s, from, targets);
    if (kind === Kind.case_statement) return from;
    // Code after a jump is reached only by a label inside it.
    const at = from >= 0 ? from : this.#node('join', this.#at(s));
    switch (kind) {
      case Kind.compound_statement:
        return this.#block(s, at, targets);
      case Kind.declaration:
        return this.#declaration(s, at);
      case Kind.expression_statement:
        return this.#expressionStatement(s, at);
      case Kind.if_statement:
        return this.#if(s, at, targets);
      case Kind.while_statement:
        return this.#while(s, at);
      case Kind.do_statement:
        return this.#do(s, at);
      case Kind.for_statement:
        return this.#for(s, at);
      case Kind.switch_statement:
        return this.#switch(s, at, targets);
      case Kind.return_statement: {
        const value = namedChildren(tree, s)[0];
        this.#return(at, this.#at(s), value === undefined ? undefined : lowerExpr(this.#scope, value));
        return -1;
      }
      case Kind.goto_statement: {
        const label = childByField(tree, s, Field.label);
        if (label >= 0) this.#edge(at, this.#label(textOf(tree, label)));
        return -1;
      }
      case Kind.break_statement:
        if (targets !== undefined) this.#edge(at, targets.onBreak);
        return -1;
      case Kind.continue_statement:
        if (targets !== undefined) this.#edge(at, targets.onContinue);
        return -1;
      case Kind.attributed_statement: {
        const inner = namedChildren(tree, s).at(-1);
        return inner === undefined ? at : this.#statement(inner, at, targets);
      }
      default:
        return this.#unknownStatement(s, at);
    }
  }

  /** What the parser could not read: its calls are evaluated with unknown effect. */
  #unknownStatement(s: number, at: number): number {
    if ((this.#tree.flags[s]! & NodeFlag.named) === 0) return at;
    return this.#then(at, 'expr', this.#at(s), lowerExpr(this.#scope, s));
  }

  #label(name: string): number {
    let id = this.#labels.get(name);
    if (id === undefined) {
      id = this.#node('join', this.#at(this.#body));
      this.#labels.set(name, id);
    }
    return id;
  }

  #labeled(s: number, from: number, targets: Targets | undefined): number {
    const tree = this.#tree;
    const label = childByField(tree, s, Field.label);
    const at = this.#label(label < 0 ? '?' : textOf(tree, label));
    if (from >= 0) this.#edge(from, at);
    const inner = namedChildren(tree, s)
      .filter((c) => c !== label)
      .at(-1);
    return inner === undefined ? at : this.#statement(inner, at, targets);
  }

  #declaration(s: number, from: number): number {
    return lowerDeclaration(this.#scope, s).reduce((before, e) => {
      // In a loop, the variable of the round before may not have been cleaned up yet.
      const again = e.k === 'declare' ? this.#cleanups.filter((c) => c.name === e.name) : [];
      return this.#then(this.#cleanUp(before, again), 'expr', e, e);
    }, from);
  }

  #expressionStatement(s: number, from: number): number {
    const inner = namedChildren(this.#tree, s)[0];
    if (inner === undefined) return from;
    const expr = lowerExpr(this.#scope, inner);
    if (expr.k === 'call' && expr.fn !== undefined && NO_RETURN.has(expr.fn)) {
      this.#then(from, 'stop', this.#at(s), expr);
      return -1;
    }
    if (expr.k === 'call' && expr.fn !== undefined && STOP_IF.has(expr.fn) && expr.args.length === 1) {
      const go = this.#node('join', this.#at(s));
      const stop = this.#node('stop', this.#at(s));
      this.#condition(expr.args[0]!, from, stop, go, undefined);
      return go;
    }
    const label = this.#hiddenJump(expr);
    if (expr.k === 'call' && label !== undefined) {
      const last = expr.args.slice(1).reduce((at, e) => this.#then(at, 'expr', e, e), from);
      this.#edge(last, this.#label(label));
      return -1;
    }
    const returns =
      expr.k === 'call' && expr.fn === 'RETURN' && expr.args.length <= 1 ? expr.args : undefined;
    if (returns !== undefined || this.#isReturnPtr(inner)) {
      this.#return(from, this.#at(s), returns === undefined ? expr : returns[0]);
      return -1;
    }
    return this.#then(from, 'expr', this.#at(s), expr);
  }

  /** `return_ptr(p);` of include/linux/cleanup.h. */
  #isReturnPtr(e: number): boolean {
    const tree = this.#tree;
    const callee = tree.kind[e] === Kind.call_expression ? childByField(tree, e, Field.function) : -1;
    return callee >= 0 && textOf(tree, callee) === 'return_ptr';
  }

  /**
   * `GOTO(out, rc = -EIO)`: a macro that is defined elsewhere, in capitals and given a label first. What a macro of the
   * file or its headers hides is not seen here any more: it was replaced.
   */
  #hiddenJump(expr: Expr): string | undefined {
    if (expr.k !== 'call' || expr.fn === undefined || !/^[A-Z][A-Z0-9_]*$/.test(expr.fn)) return undefined;
    const [first] = expr.args;
    if (first?.k !== 'var' || first.local) return undefined;
    return this.#hasLabel(first.name) ? first.name : undefined;
  }

  #hasLabel(name: string): boolean {
    const tree = this.#tree;
    for (let node = this.#body; node < tree.count; node++) {
      if (tree.kind[node] !== Kind.labeled_statement) continue;
      const label = childByField(tree, node, Field.label);
      if (label >= 0 && textOf(tree, label) === name) return true;
    }
    return false;
  }

  /** Branches on `expr`, with && || ! as control flow, so that a call in a condition forks the path. */
  #condition(expr: Expr, from: number, yes: number, no: number, loop: number | undefined): void {
    if (expr.k === 'logic') {
      const middle = this.#node('join', expr);
      if (expr.op === '&&') this.#condition(expr.l, from, middle, no, loop);
      else this.#condition(expr.l, from, yes, middle, loop);
      this.#condition(expr.r, middle, yes, no, loop);
      return;
    }
    if (expr.k === 'unary' && expr.op === '!') {
      this.#condition(expr.e, from, no, yes, loop);
      return;
    }
    const [first, test] = assignedBefore(expr);
    const at = first === undefined ? from : this.#then(from, 'expr', first, first);
    const branch = this.#then(at, 'branch', expr, test);
    if (loop !== undefined) this.#nodes[branch]!.loop = loop;
    this.#edge(branch, yes);
    this.#edge(branch, no);
  }

  #if(s: number, from: number, targets: Targets | undefined): number {
    const tree = this.#tree;
    const block = childByField(tree, s, Field.consequence);
    // scoped_guard(…) {…}: its block runs once.
    if (macroOfStatement(tree, s) === 'scoped_guard' && block >= 0)
      return this.#statement(block, from, targets);
    const yes = this.#node('join', this.#at(s));
    const no = this.#node('join', this.#at(s));
    this.#conditionOf(s, from, yes, no, targets?.isEndless && endsRounds(tree, s) ? yes : undefined);
    const consequence = childByField(tree, s, Field.consequence);
    const elseClause = childByField(tree, s, Field.alternative);
    const a = consequence < 0 ? yes : this.#statement(consequence, yes, targets);
    const alternative = elseClause < 0 ? undefined : namedChildren(tree, elseClause)[0];
    const b = alternative === undefined ? no : this.#statement(alternative, no, targets);
    return this.#joinOf(a, b, this.#at(s));
  }

  #joinOf(a: number, b: number, range: Range): number {
    if (a < 0) return b;
    if (b < 0) return a;
    const join = this.#then(a, 'join', range);
    this.#edge(b, join);
    return join;
  }

  #conditionOf(s: number, from: number, yes: number, no: number, loop?: number): void {
    const c = childByField(this.#tree, s, Field.condition);
    if (c < 0) {
      this.#edge(from, yes);
      if (loop === undefined) this.#edge(from, no);
      return;
    }
    this.#condition(lowerExpr(this.#scope, c), from, yes, no, loop);
  }

  #while(s: number, from: number): number {
    const range = this.#at(s);
    const macro = macroOfStatement(this.#tree, s);
    if (macro !== undefined) return this.#loopMacro(s, macro, from);
    const head = this.#then(from, 'join', range);
    const yes = this.#node('join', range);
    const after = this.#node('join', range);
    this.#conditionOf(s, head, yes, after, after);
    this.#loopBody(s, yes, head, after);
    return after;
  }

  /**
   * An iterator macro that the dialect made a loop: unknown number of rounds, its variables change in each. The test
   * before the first round stands apart, since what the macro is given tells whether there is one.
   */
  #loopMacro(s: number, macro: string, from: number): number {
    const c = childByField(this.#tree, s, Field.condition);
    const range = c < 0 ? this.#at(s) : this.#at(c);
    const args = c < 0 ? [] : flatten(lowerExpr(this.#scope, c));
    const changed = iteratorsOf(macro, args);
    const elements = elementOf(macro, args);
    const next: Expr = { k: 'seq', items: [...changed, ...elements], ...range };
    const again = this.#node('join', range);
    const after = this.#node('join', range);
    const round = this.#node('expr', range, next);
    const bounds = args.filter(
      (a) => !changed.some((v) => v.k === 'declare' && a.k === 'var' && v.name === a.name),
    );
    const first = this.#then(from, 'branch', range, { k: 'opaque', parts: bounds, ...range });
    this.#nodes[first]!.firstRound = true;
    for (const branch of [first, this.#then(again, 'branch', range, { k: 'opaque', parts: [], ...range })]) {
      this.#edge(branch, round);
      this.#edge(branch, after);
    }
    this.#loopBody(s, round, again, after);
    return after;
  }

  #loopBody(s: number, yes: number, onContinue: number, after: number): void {
    const body = childByField(this.#tree, s, Field.body);
    const isEndless = isEndlessLoop(this.#tree, s);
    const end = body < 0 ? yes : this.#statement(body, yes, { onBreak: after, onContinue, isEndless });
    if (end >= 0) this.#edge(end, onContinue);
  }

  #do(s: number, from: number): number {
    const range = this.#at(s);
    const head = this.#then(from, 'join', range);
    const test = this.#node('join', range);
    const after = this.#node('join', range);
    this.#loopBody(s, head, test, after);
    this.#conditionOf(s, test, head, after, after);
    return after;
  }

  #for(s: number, from: number): number {
    const tree = this.#tree;
    const range = this.#at(s);
    const init = childByField(tree, s, Field.initializer);
    let at = from;
    if (init >= 0) {
      at =
        tree.kind[init] === Kind.declaration
          ? this.#declaration(init, at)
          : this.#then(at, 'expr', this.#at(init), lowerExpr(this.#scope, init));
    }
    const head = this.#then(at, 'join', range);
    const yes = this.#node('join', range);
    const next = this.#node('join', range);
    const after = this.#node('join', range);
    this.#conditionOf(s, head, yes, after, after);
    this.#loopBody(s, yes, next, after);
    const update = childByField(tree, s, Field.update);
    const end =
      update < 0 ? next : this.#then(next, 'expr', this.#at(update), lowerExpr(this.#scope, update));
    this.#edge(end, head);
    return after;
  }

  #switch(s: number, from: number, targets: Targets | undefined): number {
    const tree = this.#tree;
    const range = this.#at(s);
    const c = childByField(tree, s, Field.condition);
    const on = c < 0 ? undefined : lowerExpr(this.#scope, c);
    const body = childByField(tree, s, Field.body);
    const items = body < 0 ? [] : namedChildren(tree, body);
    const values = items.map((item) => caseValue(this.#scope, item));
    const enter =
      on !== undefined && isTruth(on) && values.every(isTruthCase)
        ? this.#ifOn(on, from)
        : this.#switchOn(on, from, range);
    const after = this.#node('join', range);
    const inner: Targets = { onBreak: after, onContinue: targets?.onContinue ?? after };
    const cases: Case[] = [];
    let fallsTo = -1;
    let otherwise = after;
    for (const [i, item] of items.entries()) {
      const value = values[i];
      if (value === undefined) {
        fallsTo = this.#statement(item, fallsTo, inner);
        continue;
      }
      const start = this.#node('join', this.#at(item));
      if (fallsTo >= 0) this.#edge(fallsTo, start);
      if (value === 'default') otherwise = start;
      else cases.push({ value, start });
      fallsTo = start;
      const label = childByField(tree, item, Field.value);
      for (const inside of namedChildren(tree, item))
        if (inside !== label) fallsTo = this.#statement(inside, fallsTo, inner);
    }
    if (fallsTo >= 0) this.#edge(fallsTo, after);
    enter(cases, otherwise);
    return after;
  }

  /** Enters a switch; what is returned adds the edges to its cases. */
  #switchOn(on: Expr | undefined, from: number, range: Range): EnterCases {
    const branch = this.#then(from, 'switch', range, on);
    return (cases, otherwise) => {
      for (const { start } of cases) this.#edge(branch, start);
      this.#edge(branch, otherwise);
      this.#nodes[branch]!.cases = cases.map(({ value }) => value);
    };
  }

  /** Enters a switch on a condition, `switch (!!(flags & F))`, as the `if` that it is. */
  #ifOn(on: Expr, from: number): EnterCases {
    const [no, yes] = [this.#node('join', on), this.#node('join', on)];
    this.#condition(on, from, yes, no, undefined);
    return (cases, otherwise) => {
      for (const [n, node] of [no, yes].entries()) this.#edge(node, startOf(n, cases) ?? otherwise);
    };
  }
}
