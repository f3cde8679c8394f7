/**
 * Which locals a function may still read, node by node: what is dead is dropped from states, so that more of them are
 * equal where paths meet. Also which nodes can still reach an acquiring call.
 */
import type { Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';

export interface Liveness {
  /** Locals that may be read from node `id` on. */
  readonly liveIn: readonly ReadonlySet<string>[];
  /** A call for which `acquires` holds can be reached from node `id`. */
  readonly reachesAcquire: readonly boolean[];
}

/** `acquires` tells of a callee whether it may acquire pages, or release or touch them. */
export function liveness(ir: FunctionIr, acquires: (fn: string) => boolean): Liveness {
  const n = ir.nodes.length;
  const uses: Set<string>[] = [];
  const kills: (string | undefined)[] = [];
  const addressed = new Set<string>();
  const reachesAcquire: boolean[] = [];
  for (const node of ir.nodes) {
    const used = new Set<string>();
    let acquiring = false;
    if (node.expr !== undefined) {
      walk(node.expr, (e) => {
        if (e.k === 'var' && e.local) used.add(e.name);
        if (e.k === 'addr') for (const name of rootNames(e.e)) addressed.add(name);
        if (e.k === 'var' && e.array) addressed.add(e.name);
        if (e.k === 'call' && e.fn !== undefined && acquires(e.fn)) acquiring = true;
      });
    }
    const killed = killedBy(node.expr);
    if (killed !== undefined && !readsBesides(node.expr, killed)) used.delete(killed);
    uses.push(used);
    kills.push(killed);
    reachesAcquire.push(acquiring);
  }
  const behind = storageBehind(ir);
  // A name that is added is looked at as well: what it leads to may lead on.
  if (behind.size > 0)
    for (const used of uses)
      for (const name of used) for (const each of behind.get(name) ?? []) used.add(each);
  const liveIn = uses.map((u) => new Set(u));
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = n - 1; i >= 0; i--) {
      const live = liveIn[i]!;
      const before = live.size;
      const kill = kills[i];
      for (const s of ir.nodes[i]!.succ) {
        for (const name of liveIn[s]!) if (name !== kill || addressed.has(name)) live.add(name);
        if (reachesAcquire[s] && !reachesAcquire[i]) {
          reachesAcquire[i] = true;
          changed = true;
        }
      }
      if (live.size !== before) changed = true;
    }
  }
  return { liveIn, reachesAcquire };
}

/** Locals that others lead to: of `pages = stack` and `b = &batch` the array and the object, by the pointer's name. */
function storageBehind(ir: FunctionIr): Map<string, Set<string>> {
  const behind = new Map<string, Set<string>>();
  const add = (to: string, storage: string): void => {
    if (to !== storage) behind.set(to, (behind.get(to) ?? new Set()).add(storage));
  };
  for (const { expr } of ir.nodes) {
    if (expr?.k !== 'assign') continue;
    for (const to of rootNames(expr.l))
      walk(expr.r, (e) => {
        if (e.k === 'var' && e.array && e.local) add(to, e.name);
        if (e.k === 'addr') for (const storage of rootNames(e.e)) add(to, storage);
      });
  }
  return behind;
}

/** The local that a plain assignment or a declaration overwrites. */
function killedBy(e: Expr | undefined): string | undefined {
  if (e?.k === 'declare') return e.name;
  return e?.k === 'assign' && e.op === '=' && e.l.k === 'var' && e.l.local ? e.l.name : undefined;
}

function readsBesides(e: Expr | undefined, name: string): boolean {
  if (e?.k !== 'assign') return false;
  let found = false;
  walk(e.r, (x) => {
    if (x.k === 'var' && x.name === name) found = true;
  });
  return found;
}

/** Locals whose own storage an lvalue names: `x`, `x.f`, `x[i]` of an array. */
function rootNames(e: Expr): string[] {
  switch (e.k) {
    case 'var':
      return [e.name];
    case 'member':
      return e.arrow ? [] : rootNames(e.base);
    case 'index':
      return rootNames(e.base);
    default:
      return [];
  }
}
