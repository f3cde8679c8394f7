/**
 * Loops that release pages round by round, or put them into a bio, an skb or another object. Where the path has lost
 * count of the rounds, it leaves such a loop at any of them: what is still held then says nothing of the program.
 */
import { ACQUIRES } from '../kernel/acquire.ts';
import { carriesReferences } from '../kernel/devices.ts';
import { isReleaseName } from '../kernel/effects.ts';
import type { Expr, FunctionIr, Node } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import type { State } from '../state/state.ts';
import { asUnfilled, TOP } from '../state/value.ts';
import { doubtSet } from './doubt.ts';
import { outcomeOf } from './evaluate.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Answers by the loop's condition, for each run. */
const answers = new WeakMap<World, Map<Node, boolean>>();

/** What a path that has lost count of a loop's rounds can't tell: which entries a round reaches, what is held behind it. */
export interface LostCount {
  readonly held: boolean;
}

/**
 * Whether the condition of a loop is one that the path can't tell, and pages are held, or some were asked for and not
 * acquired. What is held behind the loop is not known where it only releases pages or gives them away.
 */
export function losesCount(w: World, f: Frame, node: Node, { st, v }: Outcome): LostCount | undefined {
  if (node.loop === undefined || outcomeOf(st, v) !== undefined) return undefined;
  const unfilled = st.hasUnfilled();
  if (!unfilled && !st.holdsPages()) return undefined;
  let known = answers.get(w);
  if (known === undefined) {
    known = new Map();
    answers.set(w, known);
  }
  let takes = known.get(node);
  if (takes === undefined) {
    takes = onlyTakesAway(w, f.ir, node);
    known.set(node, takes);
  }
  return takes || unfilled ? { held: takes } : undefined;
}

/** On the way into a loop of unknown rounds: whether this round is one for an entry that was never filled is not known. */
export function doubtUnfilled(st: State): void {
  const { store } = st;
  for (let i = 0; i < store.size; i++)
    if (asUnfilled(store.valueAt(i)) !== undefined) store.set(store.keyAt(i).text, TOP);
}

/** On the way out of a loop of unknown rounds: pages that another round could have released are unsure. */
export function doubtHeld(st: State): void {
  for (const [id, { slots }] of [...st.sets]) if (slots.includes('held')) doubtSet(st, id);
}

/**
 * Whether the body of a loop may release pages, or give them to an object that is released with them, and acquires none.
 * What leaves the loop is no part of it.
 */
function onlyTakesAway(w: World, ir: FunctionIr, head: Node): boolean {
  const body = expressionsInside(ir, head);
  const called = body.flatMap((e) => (e.k === 'call' && e.fn !== undefined ? [e.fn] : []));
  if (called.some((fn) => ACQUIRES.has(fn) || w.handsOver(fn))) return false;
  if (called.some((fn) => isReleaseName(fn) || carriesReferences(fn) || (w.defines(fn) && !w.isInert(fn))))
    return true;
  const entries = body.flatMap((e) => storedEntry(e) ?? []);
  return entries.length > 0 && filledArrays(ir).some((name) => entries.includes(name));
}

/** The array of which an entry is put into a member of something: `frag->page = pages[i]`. */
function storedEntry(e: Expr): string | undefined {
  if (e.k !== 'assign' || e.op !== '=' || e.l.k !== 'member' || e.r.k !== 'index') return undefined;
  return e.r.base.k === 'var' ? e.r.base.name : undefined;
}

/** Variables that are given to acquiring functions: `pages`, `&pages[done]`. */
function filledArrays(ir: FunctionIr): string[] {
  const names: string[] = [];
  for (const { expr } of ir.nodes)
    if (expr !== undefined)
      walk(expr, (e) => {
        if (e.k === 'call' && e.fn !== undefined && ACQUIRES.has(e.fn))
          for (const arg of e.args) walk(arg, (x) => x.k === 'var' && names.push(x.name));
      });
  return names;
}

function expressionsInside(ir: FunctionIr, head: Node): Expr[] {
  const reached = new Set(head.succ.filter((next) => next !== head.loop));
  for (const at of reached) for (const next of ir.nodes[at]!.succ) if (next !== head.id) reached.add(next);
  const again = new Set<number>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const at of reached) {
      if (again.has(at) || !ir.nodes[at]!.succ.some((next) => next === head.id || again.has(next))) continue;
      again.add(at);
      grew = true;
    }
  }
  const found: Expr[] = [];
  for (const at of again) {
    const { expr } = ir.nodes[at]!;
    if (expr !== undefined) walk(expr, (e) => found.push(e));
  }
  return found;
}
