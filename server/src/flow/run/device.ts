/** What devices do to page sets: which slots they can reach, in which direction, and whether they are done. */
import { FOLL } from '#engine/protocol/flags.ts';
import type { DmaDirection } from '#engine/protocol/steps.ts';
import { type DeviceEffect, type DeviceWay, mapsThroughTable, mayEndMappings } from '../kernel/devices.ts';
import { EFAULT } from '../lower/constants.ts';
import type { Call } from '../lower/ir.ts';
import { oneLine } from '../lower/ir.ts';
import type { DeviceSlot } from '../state/device-use.ts';
import { learn } from '../state/learn.ts';
import {
  asAddress,
  elementPlace,
  ownerBase,
  pagesIn,
  reachableSets,
  read,
  somewhere,
} from '../state/places.ts';
import type { PageSet, State } from '../state/state.ts';
import { certainBits, isPageRef, type PageRef, TOP, type Value } from '../state/value.ts';
import { slotsOf } from './touch.ts';
import type { Frame, Outcome, World } from './world.ts';

/** Runs a device effect. An array is all outcomes; undefined where the result is not modelled. */
export function applyDevice(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: DeviceEffect,
  args: readonly Value[],
): Value | Outcome[] | undefined {
  const arg = (i: number | undefined): Value => (i === undefined ? TOP : (args[i] ?? TOP));
  switch (effect.does) {
    case 'device-map':
      return mapOne(w, f, st, e, effect, arg(effect.page), args);
    case 'device-map-list':
      return mapList(w, f, st, e, effect, args);
    case 'device-list':
      list(w, f, st, e, effect, args);
      return undefined;
    case 'device-unmap':
      unmap(w, f, st, e, arg(effect.handle));
      return undefined;
    case 'device-start':
      start(w, f, st, e, arg(effect.object), effect.waits);
      return undefined;
    case 'device-call':
      callOut(w, f, st, e, args);
      return undefined;
    case 'register-write':
      writeRegister(w, f, st, e, arg(0));
      return undefined;
    case 'map-failed':
      return mapFailed(w, st, arg(effect.handle));
    case 'status':
      return undefined;
    case 'wait':
      return wait(w, st, e, effect);
    case 'fill-table':
      fillTable(w, st, arg(effect.table));
      return undefined;
    case 'element': {
      const base = listBase(st, arg(effect.of)) ?? asAddress(arg(effect.of))?.base;
      return base === undefined ? TOP : w.values.ptr(base, null);
    }
  }
}

/** The pages that a value stands for or leads to, as a scatterlist does: its own elements, or those of its table. */
function behind(st: State, v: Value): PageRef[] {
  if (isPageRef(v)) return [v];
  const base = listBase(st, v);
  return base === undefined ? [] : pagesIn(st, base).flatMap((p) => (isPageRef(p.v) ? [p.v] : []));
}

/** Whether a value leads to pages only by way of a table or a list of them: `table.sgl`. */
export function leadsToList(st: State, v: Value): boolean {
  return v.t === 'sym' && v.place !== undefined && listBase(st, v) !== undefined;
}

/** The object in which the pages stand that a value leads to: `sgl`, or for `table->sgl` the table. */
function listBase(st: State, v: Value): string | undefined {
  const address = asAddress(v);
  if (address === undefined) return undefined;
  if (pagesIn(st, address.base).length > 0) return address.base;
  const owner = v.t === 'sym' && v.place !== undefined ? ownerBase(v.place) : undefined;
  return owner !== undefined && pagesIn(st, owner).length > 0 ? owner : undefined;
}

/** DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE (include/linux/dma-direction.h). */
const DIRECTIONS: readonly DmaDirection[] = ['bidirectional', 'to-device', 'from-device'];

function directionOf(v: Value): DmaDirection | undefined {
  return v.t === 'int' ? DIRECTIONS[v.n] : undefined;
}

function mapOne(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<DeviceEffect, { does: 'device-map' }>,
  page: Value,
  args: readonly Value[],
): Value | Outcome[] | undefined {
  if (!isPageRef(page)) return undefined;
  const direction = directionOf(effect.direction === undefined ? TOP : (args[effect.direction] ?? TOP));
  const failed = effect.reports === undefined ? undefined : st.clone();
  give(w, f, st, e, page, { way: effect.way, direction, to: 'open' });
  if (effect.into !== undefined) keep(w, st, e, page, args[effect.into] ?? TOP);
  if (failed === undefined) return w.values.ref('handle', page.set, page.slot);
  return [
    { st, v: w.values.int(0) },
    { st: failed, v: w.values.int(-EFAULT) },
  ];
}

function mapList(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<DeviceEffect, { does: 'device-map-list' }>,
  args: readonly Value[],
): Outcome[] | undefined {
  const pages = behind(st, args[effect.list] ?? TOP);
  if (pages.length === 0) return undefined;
  const failed = st.clone();
  const direction = directionOf(effect.direction === undefined ? TOP : (args[effect.direction] ?? TOP));
  for (const page of wholeSets(w, pages))
    give(w, f, st, e, page, { way: effect.way, direction, to: 'open', whole: true });
  const count = effect.count === undefined ? TOP : (args[effect.count] ?? TOP);
  // What is mapped was not nothing: an unknown count is 2, as everywhere.
  if (count.t === 'sym') learn(st, w.values, count, 2);
  const entries = count.t === 'sym' ? w.values.int(2) : count.t === 'top' ? w.values.int(1) : count;
  const done = effect.failure === 'errno' ? w.values.int(0) : entries;
  return [
    { st, v: done },
    { st: failed, v: w.values.int(effect.failure === 'zero' ? 0 : -EFAULT) },
  ];
}

/** One reference for each set: a list is mapped and unmapped as a whole. */
function wholeSets(w: World, pages: readonly PageRef[]): PageRef[] {
  const sets = new Set(pages.map((p) => p.set));
  return [...sets].map((set) => w.values.ref('handle', set, null));
}

function list(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  effect: Extract<DeviceEffect, { does: 'device-list' }>,
  args: readonly Value[],
): void {
  const into = args[effect.into] ?? TOP;
  const page = effect.page === undefined ? TOP : (args[effect.page] ?? TOP);
  const refs =
    effect.pages === undefined
      ? isPageRef(page)
        ? [page]
        : []
      : wholeSets(w, behind(st, args[effect.pages] ?? TOP));
  for (const ref of refs) {
    give(w, f, st, e, ref, { way: effect.way, direction: undefined, to: 'none', whole: ref.slot === null });
    keep(w, st, e, ref, into);
  }
}

/** In a cleared object the members of a `struct sg_table` read as zero until the table gets its entries. */
function fillTable(w: World, st: State, table: Value): void {
  const address = asAddress(table);
  if (address?.off == null) return;
  const object = elementPlace(address.base, address.off);
  for (const member of ['sgl', 'nents', 'orig_nents']) {
    const place = `${object}.${member}`;
    const v = read(st, w.values, place);
    if (v.t === 'int' && v.n === 0) st.store.set(place, w.values.initial(place));
  }
}

/** The object leads to the page from here on. */
function keep(w: World, st: State, e: Call, page: PageRef, into: Value): void {
  const address = asAddress(into);
  if (address === undefined) st.update(page.set, { escaped: e.fn ?? 'a list' });
  else st.store.set(somewhere(address.base, page.set), w.values.ref('handle', page.set, page.slot));
}

interface Giving {
  readonly way: DeviceWay;
  readonly direction: DmaDirection | undefined;
  readonly to: DeviceSlot;
  /** All slots of the set, not one that is not told apart. */
  readonly whole?: boolean;
}

/** Gives a page to a device: `to` is what becomes of its slot. */
function give(w: World, f: Frame, st: State, e: Call, page: PageRef, how: Giving): void {
  const set = st.sets.get(page.set);
  if (set === undefined) return;
  const before = set.device;
  const slots = set.slots.map((_, i): DeviceSlot => {
    const old = before?.slots[i] ?? 'none';
    if (how.to === 'none') return old;
    if (page.slot === i || (page.slot === null && (how.whole === true || set.slots.length === 1)))
      return how.to;
    return page.slot === null ? 'maybe' : old;
  });
  const direction = how.direction ?? before?.direction;
  const way = how.to === 'none' && before !== undefined ? before.way : how.way;
  st.update(page.set, { device: { way, direction, slots, interrupted: before?.interrupted ?? false } });
  if (how.to !== 'none') record(w, f, st, e, page, { op: 'dma-map', direction: direction ?? guessed(set) });
  const range = { start: e.start, end: e.end };
  w.observe({
    what: 'device',
    event: how.to === 'none' ? 'listed' : 'mapped',
    way: how.way,
    direction,
    call: e,
    range,
    set: st.sets.get(page.set)!,
    slot: page.slot,
    path: st.path,
    within: f.within,
  });
}

/** A direction for the run where the source does not say it: who asks for FOLL_WRITE lets the device write. */
function guessed(set: PageSet): DmaDirection {
  return isForWriting(set) ? 'from-device' : 'to-device';
}

function record(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  page: PageRef,
  step: { op: 'dma-map'; direction: DmaDirection } | { op: 'dma-unmap' },
): void {
  const slots = slotsOf(st, page);
  const filled = st.sets.get(page.set)?.slots.filter((s) => s !== 'empty').length ?? slots.count;
  st.record({
    set: page.set,
    step: { ...step, ...slots, count: Math.min(slots.count, filled) },
    range: { start: e.start, end: e.end },
    text: oneLine(w.text, e),
    within: f.within,
  });
}

function unmap(w: World, f: Frame, st: State, e: Call, handle: Value): void {
  const pages = isPageRef(handle) ? [handle] : wholeSets(w, behind(st, handle));
  if (pages.length === 0) {
    doubtMappings(st, () => true);
    return;
  }
  for (const page of pages) close(w, f, st, e, page, !isPageRef(handle));
}

function close(w: World, f: Frame, st: State, e: Call, page: PageRef, whole: boolean): void {
  const set = st.sets.get(page.set);
  if (set?.device === undefined) return;
  const { device } = set;
  const slots = device.slots.map((slot, i): DeviceSlot => {
    if (slot === 'none') return slot;
    if (page.slot === i || (page.slot === null && (whole || device.slots.length === 1))) return 'closed';
    return page.slot === null ? 'maybe' : slot;
  });
  // Unmapping does not stop a device that nobody waited for: without an IOMMU it reaches the page all the same.
  if (!device.interrupted) record(w, f, st, e, page, { op: 'dma-unmap' });
  st.update(page.set, { device: { ...device, slots } });
  const range = { start: e.start, end: e.end };
  const { way, direction } = device;
  const { path } = st;
  w.observe({
    what: 'device',
    event: 'unmapped',
    way,
    direction,
    call: e,
    range,
    set,
    slot: page.slot,
    path,
    within: f.within,
  });
}

/** Mappings of some sets may have ended somewhere that is not seen. */
function doubtMappings(st: State, concerns: (set: string) => boolean): void {
  for (const set of [...st.sets.values()]) {
    if (set.device === undefined || !concerns(set.id) || !set.device.slots.includes('open')) continue;
    const slots = set.device.slots.map((s) => (s === 'open' ? 'maybe' : s));
    st.update(set.id, { device: { ...set.device, slots } });
  }
}

/** A callee that is not seen may have stopped the device. */
function doubtInterruption(st: State): void {
  for (const set of [...st.sets.values()])
    if (set.device?.interrupted) st.update(set.id, { device: { ...set.device, interrupted: false } });
}

function start(w: World, f: Frame, st: State, e: Call, object: Value, waits: boolean): void {
  for (const page of wholeSets(w, behind(st, object))) {
    const way = st.sets.get(page.set)?.device?.way ?? 'bio';
    give(w, f, st, e, page, { way, direction: undefined, to: 'open', whole: true });
    if (!waits) {
      // Whoever completes the I/O may release the pages.
      st.update(page.set, { escaped: e.fn ?? 'the I/O' });
      doubtMappings(st, (set) => set === page.set);
      continue;
    }
    ran(st, page.set);
    close(w, f, st, e, page, true);
  }
}

/** A hypervisor gets to all that the arguments lead to; whether it keeps it is not known. */
function callOut(w: World, f: Frame, st: State, e: Call, args: readonly Value[]): void {
  for (const set of reachableSets(st, args, () => false)) {
    const page = w.values.ref('handle', set, null);
    give(w, f, st, e, page, { way: 'hypervisor', direction: undefined, to: 'open', whole: true });
    record(w, f, st, e, page, { op: 'dma-unmap' });
    doubtMappings(st, (id) => id === set);
    ran(st, set);
  }
}

/** A bus address that is written to a device is the device's to use; what the write starts or stops is not known. */
function writeRegister(w: World, f: Frame, st: State, e: Call, value: Value): void {
  doubtInterruption(st);
  if (value.t !== 'handle' || st.sets.get(value.set)?.device !== undefined) return;
  give(w, f, st, e, value, { way: 'dma', direction: undefined, to: 'open' });
  doubtMappings(st, (id) => id === value.set);
}

/** A call through a table of operations that maps or unmaps what it is given. */
export function callThroughTable(
  w: World,
  f: Frame,
  st: State,
  e: Call,
  args: readonly Value[],
): Outcome[] | undefined {
  const member = e.callee?.k === 'member' ? mapsThroughTable(e.callee.name) : undefined;
  if (member === 'unmap') {
    const handle = args.find((a) => a.t === 'handle') ?? TOP;
    unmap(w, f, st, e, handle);
  }
  const handle = member === 'map' ? args.find((a) => a.t === 'handle') : undefined;
  if (handle === undefined) return undefined;
  const effect = { does: 'device-map', page: 0, reports: 'errno', way: 'iommu' } as const;
  const mapped = mapOne(w, f, st, e, effect, handle, args);
  return Array.isArray(mapped) ? mapped : undefined;
}

/** A callee that is not seen, and that can reach some sets: it may stop the device, and end mappings of those. */
export function doubtDevices(st: State, fn: string | undefined, reached: ReadonlySet<string>): void {
  doubtInterruption(st);
  const ends = fn === undefined || mayEndMappings(fn);
  doubtMappings(st, (id) => ends || reached.has(id));
}

/** The device has had time to do what it was given the pages for. */
function ran(st: State, id: string): void {
  const set = st.sets.get(id);
  if (set?.device === undefined) return;
  const { direction } = set.device;
  if (direction === 'to-device') return;
  if (direction !== undefined || isForWriting(set)) st.update(id, { written: 'yes' });
}

function isForWriting({ flags }: PageSet): boolean {
  return (certainBits(flags) & FOLL.WRITE) !== 0;
}

/** Pages that an entry point has left, some time later: a device that it left them to has used them. */
export function someTimeLater(set: PageSet): PageSet {
  const { direction, slots } = set.device ?? { direction: undefined, slots: [] };
  const writes = direction === 'from-device' || direction === 'bidirectional';
  const isOpen = slots.some((at) => at === 'open' || at === 'maybe');
  return writes && isOpen && isForWriting(set) ? { ...set, written: 'yes' } : set;
}

function mapFailed(w: World, st: State, handle: Value): Outcome[] | undefined {
  if (!isPageRef(handle) || handle.slot === null) return undefined;
  const failed = st.clone();
  const set = failed.sets.get(handle.set);
  if (set?.device !== undefined) {
    const slots = set.device.slots.map((s, i) => (i === handle.slot ? 'none' : s));
    failed.update(handle.set, { device: { ...set.device, slots } });
  }
  return [
    { st, v: w.values.int(0) },
    { st: failed, v: w.values.int(1) },
  ];
}

/**
 * Only a wait for a device that has pages is told apart. A callee that was given the mapping before has started the
 * device rather than unmapped: why else wait.
 */
function wait(
  w: World,
  st: State,
  e: Call,
  { interruptible, timeout }: Extract<DeviceEffect, { does: 'wait' }>,
): Outcome[] | undefined {
  const open = [...st.sets.values()].filter((s) =>
    s.device?.slots.some((at) => at === 'open' || at === 'maybe'),
  );
  if (open.length === 0) return undefined;
  const ends: number[] = [...(interruptible ? [-EFAULT] : []), ...(timeout ? [0] : [])];
  const early = ends.map((n): Outcome => {
    const s = st.clone();
    for (const { id, device } of open)
      if (device !== undefined) s.update(id, { device: { ...device, interrupted: true } });
    const how = n < 0 ? 'interrupted' : 'timed out';
    s.record({ range: { start: e.start, end: e.end }, text: `${e.fn}() ${how}`, holds: true });
    return { st: s, v: w.values.int(n) };
  });
  for (const { id, device } of open) {
    if (device !== undefined) st.update(id, { device: { ...device, awaited: true } });
    ran(st, id);
  }
  return [{ st, v: w.values.int(timeout ? 1 : 0) }, ...early];
}
