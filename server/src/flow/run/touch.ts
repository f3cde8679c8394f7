/** Marks accesses to a page's data in a state. */
import type { Range } from '../../syntax/range.ts';
import { oneLine } from '../lower/ir.ts';
import type { PathLink } from '../state/path.ts';
import type { State } from '../state/state.ts';
import type { PageRef } from '../state/value.ts';
import type { Frame, World } from './world.ts';

/** The slots of the engine's page set that a reference stands for. */
export function slotsOf(st: State, ref: PageRef): { set: number; from: number; count: number } {
  const slots = st.sets.get(ref.set)?.slots ?? [];
  // A page that is not told apart is one of those that were acquired.
  const filled = slots.filter((slot) => slot !== 'empty').length;
  const count = Math.max(1, filled === 0 ? slots.length : filled);
  return ref.slot === null ? { set: 0, from: 0, count } : { set: 0, from: ref.slot, count: 1 };
}

/** The CPU reads or writes the data that `ref` leads to; `sure` is false where a callee only may do it. */
export function touch(
  w: World,
  f: Frame,
  st: State,
  ref: PageRef,
  mode: 'read' | 'write',
  range: Range,
  sure: boolean,
): void {
  const set = st.sets.get(ref.set);
  if (set === undefined) return;
  if (mode === 'read') st.update(ref.set, { read: true });
  else st.update(ref.set, { written: sure ? 'yes' : set.written === 'yes' ? 'yes' : 'maybe' });
  if (!sure || repeats(st.path, ref.set, range)) return;
  st.record({
    set: ref.set,
    step: { op: 'access', mode, ...slotsOf(st, ref) },
    range: { start: range.start, end: range.end },
    text: oneLine(w.text, range),
    within: f.within,
  });
  w.observe({
    what: 'access',
    mode,
    range: { start: range.start, end: range.end },
    set,
    slot: ref.slot,
    path: st.path,
    within: f.within,
  });
}

/** The last protocol step of the path is this one already: a loop over bytes is one access. */
function repeats(path: PathLink | undefined, set: string, range: Range): boolean {
  for (let link = path; link !== undefined; link = link.previous) {
    if (!('step' in link.event)) continue;
    const { event } = link;
    return event.set === set && event.range.start === range.start && event.range.end === range.end;
  }
  return false;
}
