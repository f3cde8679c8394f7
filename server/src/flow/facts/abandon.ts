/**
 * Releases that follow a wait whichever way it ends. A wait that a signal or a timeout ends early leaves the device at
 * work; a caller that then releases the pages all the same releases them under the device.
 */
import { endsEarly, mayEndMappings } from '../kernel/devices.ts';
import { isReleaseName } from '../kernel/effects.ts';
import type { Call, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import type { CallTable } from './call-table.ts';
import type { LateUnmap } from './order.ts';

export interface AbandonHost {
  readonly table: CallTable;
  readonly lower: (fn: string) => FunctionIr | undefined;
}

/**
 * In a function that reaches the acquire (`above`): a call that waits, and after it on every way a call that releases
 * (`releasing`), with nothing in between that could stop the device.
 */
export function abandonedWaits(
  fn: string,
  above: ReadonlySet<string>,
  releasing: ReadonlySet<string>,
  host: AbandonHost,
): LateUnmap[] {
  const ir = host.lower(fn);
  if (ir === undefined) return [];
  const acquires = nodesCalling(ir, (callee) => above.has(callee));
  const waits = nodesCalling(ir, (callee) => waitsUnguarded(callee, above, releasing, host));
  const releases = nodesCalling(ir, (callee) => releasing.has(callee));
  const ends = new Set(releases.map((r) => r.node));
  const stops = new Set(
    nodesCalling(ir, (callee) => mayEndMappings(callee) && !releasing.has(callee)).map((s) => s.node),
  );
  return waits.flatMap(({ node, call }) => {
    if (!acquires.some((a) => a.node !== node && reaches(ir, a.node, node))) return [];
    if (!alwaysReaches(ir, node, ends, stops)) return [];
    const { call: last } = releases[0]!;
    const release = releaseIn(last.fn!, host) ?? last;
    return [
      {
        kind: 'wait',
        release: { start: release.start, end: release.end },
        within: release === last ? fn : last.fn!,
        api: release.fn ?? '',
        unmap: { start: call.start, end: call.end },
        by: call.fn ?? '',
      },
    ];
  });
}

/** A function that waits, may come back early, and does nothing by its own that could stop the device. */
function waitsUnguarded(
  fn: string,
  above: ReadonlySet<string>,
  releasing: ReadonlySet<string>,
  host: AbandonHost,
): boolean {
  if (endsEarly(fn)) return true;
  const index = host.table.indexOf.get(fn);
  if (index === undefined || above.has(fn) || releasing.has(fn)) return false;
  const callees = host.table.callees[index]!;
  return [...callees].some(endsEarly) && ![...callees].some(mayEndMappings);
}

/** The kernel's release function that a function of the file calls. */
function releaseIn(fn: string, host: AbandonHost): Call | undefined {
  return host.lower(fn)?.calls.find((c) => c.fn !== undefined && isReleaseName(c.fn));
}

function nodesCalling(ir: FunctionIr, test: (callee: string) => boolean): { node: number; call: Call }[] {
  return ir.nodes.flatMap(({ id, expr }) => {
    const out: { node: number; call: Call }[] = [];
    if (expr !== undefined)
      walk(expr, (e) => {
        if (e.k === 'call' && e.fn !== undefined && test(e.fn)) out.push({ node: id, call: e });
      });
    return out;
  });
}

function reaches(ir: FunctionIr, from: number, to: number): boolean {
  const seen = new Set([from]);
  for (const at of seen) for (const succ of ir.nodes[at]!.succ) seen.add(succ);
  return from !== to && seen.has(to);
}

/** Every way on from a node meets one of `ends` before it returns, and none of `stops` before that. */
function alwaysReaches(
  ir: FunctionIr,
  from: number,
  ends: ReadonlySet<number>,
  stops: ReadonlySet<number>,
): boolean {
  if (ends.size === 0) return false;
  const seen = new Set([from]);
  for (const at of seen) {
    if (at !== from && ends.has(at)) continue;
    if (stops.has(at) || ir.nodes[at]!.kind === 'return') return false;
    for (const succ of ir.nodes[at]!.succ) seen.add(succ);
  }
  return true;
}
