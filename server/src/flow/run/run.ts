/** Runs a function: a worklist over its graph, with equal states merged where paths meet. */
import type { Range } from '../../syntax/range.ts';
import type { FunctionFacts } from '../facts/function-facts.ts';
import { switchText } from '../lower/conditions.ts';
import type { Call, FunctionIr, Node } from '../lower/ir.ts';
import { binary, truth } from '../state/arithmetic.ts';
import { settle } from '../state/learn.ts';
import { allocationOf } from '../state/names.ts';
import { ALLOCATED, reachableSets } from '../state/places.ts';
import { type PageSet, State } from '../state/state.ts';
import { isPageRef, TOP, type Value } from '../state/value.ts';
import { isWritten } from './acquire.ts';
import { decide, each, evaluate, evaluateAll } from './evaluate.ts';
import type { Owner } from './observation.ts';
import { doubtHeld, doubtUnfilled, losesCount } from './release-loops.ts';
import { Worklist } from './worklist.ts';
import type { Frame, Outcome, World } from './world.ts';

/** How deep helpers of the same file are entered. */
export const MAX_DEPTH = 4;

/** What a root run cost. */
export interface RunFigures {
  /** Node executions. */
  readonly steps: number;
  /** Some paths were not followed to their end: the budget was used up, or others were like them. */
  readonly cut: boolean;
}

/**
 * Runs `ir` as an entry point: parameters are unknown, and page sets are judged where its paths end. `start` is what
 * earlier entry points have left.
 */
export function runRoot(
  w: World,
  ir: FunctionIr,
  facts: FunctionFacts,
  start: State = new State(w.values),
): RunFigures {
  const before = w.budget;
  const frame: Frame = {
    ir,
    name: `0${ir.name}`,
    depth: 0,
    stack: [ir.name],
    calls: '',
    within: ir.name,
    facts,
    onReturn: (st, v, at) => leave(w, frame, st, v, at),
  };
  for (const p of ir.params)
    if (p.array) start.facts.set(w.values.initial(w.values.local(frame.name, p.name)).key, true);
  runFrame(w, frame, start);
  return { steps: before - w.budget, cut: w.budget <= 0 || w.crowd.skipped };
}

/** Runs a helper on the argument values of `call` and returns its distinct outcomes. */
export function runHelper(
  w: World,
  caller: Frame,
  ir: FunctionIr,
  facts: FunctionFacts,
  args: readonly Value[],
  st: State,
  call: Call,
): Outcome[] {
  const depth = caller.depth + 1;
  const outcomes = new Map<string, Outcome>();
  const frame: Frame = {
    ir,
    name: `${depth}${ir.name}`,
    depth,
    stack: [...caller.stack, ir.name],
    calls: `${caller.calls}/${call.site}`,
    within: ir.inlined === true ? caller.within : ir.name,
    facts,
    onReturn: (end, v) => {
      end.dropFrame(frame.name);
      const value = v === undefined ? TOP : v;
      const key = `${end.key(w.values)}|${value.key}`;
      if (!outcomes.has(key)) outcomes.set(key, { st: end, v: value });
    },
  };
  ir.params.forEach((p, i) => {
    const given = args[i] ?? TOP;
    // Of an array in a member that reads as zero, another name may be in use (a union).
    const isUnsure = p.array && given.t === 'int' && given.n === 0 && !isWritten(call.args[i], caller.ir);
    st.store.set(w.values.local(frame.name, p.name), isUnsure ? TOP : given);
  });
  runFrame(w, frame, st);
  return [...outcomes.values()];
}

function runFrame(w: World, frame: Frame, start: State): void {
  const { nodes } = frame.ir;
  const seen = new Map<number, Set<number>>();
  const work = new Worklist(w.values, frame);
  work.push(0, start);
  while (w.budget > 0 && !w.givesUp?.(w.crowd.budget - w.budget)) {
    const item = work.take(w.crowd.isLong(w.budget));
    if (item === undefined) return;
    const node = nodes[item.node]!;
    w.budget--;
    if (node.preds > 1) {
      item.st.dropDead(frame.name, frame.facts.liveness.liveIn[node.id]!);
      if (isSettled(frame, node, item.st) || !isNew(w, seen, node.id, item.st)) continue;
      if (w.crowd.isCrowded(w.budget, frame, node.id, item.st, w.values)) continue;
    }
    for (const next of execute(w, frame, node, item.st)) work.push(next.node, next.st);
  }
}

/** Nothing is held and nothing more will be acquired: the rest of an entry point's path concerns no page. */
function isSettled(frame: Frame, node: Node, st: State): boolean {
  return frame.depth === 0 && st.sets.size === 0 && !frame.facts.liveness.reachesAcquire[node.id];
}

function isNew(w: World, seen: Map<number, Set<number>>, node: number, st: State): boolean {
  let keys = seen.get(node);
  if (keys === undefined) {
    keys = new Set();
    seen.set(node, keys);
  }
  const key = st.key(w.values);
  if (keys.has(key)) return false;
  keys.add(key);
  return true;
}

function execute(w: World, f: Frame, node: Node, st: State): { node: number; st: State }[] {
  switch (node.kind) {
    case 'entry':
    case 'join':
      return node.succ.map((s, i) => ({ node: s, st: i === 0 ? st : st.clone() }));
    case 'expr':
      return each(evaluate(w, f, st, node.expr!), (o) => node.succ.map((s) => ({ node: s, st: o.st })));
    case 'branch':
      if (node.firstRound) return runFirstRound(w, f, node, st);
      return each(evaluate(w, f, st, node.expr!), (o) => {
        const lost = losesCount(w, f, node, o);
        return decide(w, f, o.st, o.v, node.expr!, node.loop !== undefined).map((d) => {
          const next = node.succ[d.holds ? 0 : 1]!;
          if (lost !== undefined && next !== node.loop) doubtUnfilled(d.st);
          if (lost?.held && next === node.loop) doubtHeld(d.st);
          return { node: next, st: d.st };
        });
      });
    case 'switch':
      return runSwitch(w, f, node, st);
    case 'return':
      if (node.expr === undefined) f.onReturn(st, undefined, node.range);
      else for (const o of evaluate(w, f, st, node.expr)) f.onReturn(o.st, o.v, node.range);
      return [];
    case 'stop':
      if (node.expr !== undefined) evaluate(w, f, st, node.expr);
      return [];
  }
}

/** An iterator macro has a first round where it is given a positive count, or something that leads to held pages. */
function runFirstRound(w: World, f: Frame, node: Node, st: State): { node: number; st: State }[] {
  const parts = node.expr?.k === 'opaque' ? node.expr.parts : [];
  return evaluateAll(w, f, st, parts).flatMap((o) => {
    const counted = o.vs.some((v) => v.t === 'int' && v.n > 0);
    const leads = o.st.holdsPages() && reachableSets(o.st, o.vs, () => false).size > 0;
    const [round, after] = node.succ;
    if (counted || leads) return [{ node: round!, st: o.st }];
    return [
      { node: round!, st: o.st.clone() },
      { node: after!, st: o.st },
    ];
  });
}

function runSwitch(w: World, f: Frame, node: Node, st: State): { node: number; st: State }[] {
  const cases = node.cases ?? [];
  const { expr } = node;
  if (expr === undefined) return node.succ.map((s) => ({ node: s, st: st.clone() }));
  const remembers = f.facts.repeated.has(switchText(w.text, expr));
  return evaluate(w, f, st, expr).flatMap((o) => {
    const tests = cases.map((c) => {
      const value = evaluate(w, f, o.st.clone(), c)[0]?.v ?? TOP;
      return settle(o.st, w.values, binary(w.values, '==', o.v, value, {}));
    });
    const outcomes = tests.map((t) => truth(t) ?? (t.t === 'sym' ? o.st.facts.get(t.key) : undefined));
    const certain = outcomes.indexOf(true);
    if (certain >= 0) return [{ node: node.succ[certain]!, st: o.st }];
    return node.succ.flatMap((s, taken) => {
      if (outcomes[taken] === false) return [];
      const next = o.st.clone();
      if (remembers)
        for (const [i, t] of tests.entries()) if (t.t === 'sym') next.facts.set(t.key, i === taken);
      return [{ node: s, st: next }];
    });
  });
}

/** The end of a root's path: says of each page set who can still reach it. */
function leave(w: World, f: Frame, st: State, returns: Value | undefined, range: Range): void {
  const results = returns === undefined ? [] : [returns];
  const byCaller = reachableSets(st, results, (place) => isArgument(f, place));
  const byAnyone = reachableSets(st, results, outlives, w.fields?.isIdle?.(st));
  for (const set of st.sets.values()) {
    if (set.result <= 0) continue;
    const held = set.slots.some((slot) => slot === 'held' || slot === 'unsure');
    const owner = ownerOf(set, held && byCaller.has(set.id), byAnyone.has(set.id));
    const stale = !held && byCaller.has(set.id) && succeeds(returns);
    const exit = { what: 'exit', set, owner, returns, range, path: st.path, within: f.within } as const;
    w.observe(stale ? { ...exit, stale } : exit);
  }
  w.onExit?.(st, returns, range);
}

function succeeds(returns: Value | undefined): boolean {
  return returns !== undefined && (returns.t === 'int' ? returns.n >= 0 : isPageRef(returns));
}

function ownerOf(set: PageSet, byCaller: boolean, byAnyone: boolean): Owner {
  if (byCaller) return 'caller';
  if (byAnyone) return 'object';
  return set.escaped === undefined ? 'dropped' : 'callee';
}

/** An element of what a parameter points to, as in `*page = …` and `pages[i] = …`; not a member of a structure. */
function isArgument(f: Frame, place: string): boolean {
  return place.startsWith(`*${f.name}:`) && !place.includes('.');
}

/** Places that live on when the function returns: globals, and what parameters and looked-up objects point to. */
function outlives(at: string): boolean {
  const place = at.replace(/^&+/, '');
  if (place[0] === '(') return allocationOf(place) === undefined;
  return /^[:*%]/.test(place) || (place.startsWith('@') && !place.startsWith(`@${ALLOCATED}`));
}
