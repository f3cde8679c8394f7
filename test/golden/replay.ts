/** Replays a recording and compares every value that the kernel showed. */
import { FRAME, GLOBAL, MMF_HAS_PINNED, PG, PTE, ZERO_FRAME, ZONE } from '#engine/model/constants.ts';
import { userAccess } from '#engine/model/fault.ts';
import { folioMaybeDmaPinned } from '#engine/model/folio.ts';
import { migrateFolio } from '#engine/model/migrate.ts';
import { pageMapcount, pteFrame } from '#engine/model/rmap.ts';
import { execute } from './actions.ts';
import type { Outcome } from './effects.ts';
import { prepare } from './prepare.ts';
import { zoneOf } from './recorded-memory.ts';
import {
  pageNumber,
  type RecordedPage,
  type RecordedPte,
  type Recording,
  type Step,
  type UserValue,
} from './recording.ts';
import { World } from './world.ts';

export interface Mismatch {
  readonly boot: string;
  readonly scenario: string;
  readonly step: string;
  readonly seq: number;
  readonly what: string;
  readonly recorded: UserValue | null;
  readonly model: UserValue | null;
}

export interface ReplayResult {
  readonly matched: number;
  readonly compared: number;
  readonly mismatches: readonly Mismatch[];
  /** Set when the scenario could not be replayed to its end. */
  readonly stopped?: string;
}

/** Replays one scenario from its first step to its last. */
export function replay(recording: Recording): ReplayResult {
  const world = new World(recording);
  const checker = new Checker(world);
  let stopped: string | undefined;
  for (const [i, step] of recording.steps.entries()) {
    try {
      runStep(world, step, checker, i === 0);
    } catch (error) {
      stopped = `${step.step}: ${error instanceof Error ? error.message : String(error)}`;
      // What can't be replayed is not matched: the rest of the scenario counts as compared.
      for (const rest of recording.steps.slice(i)) checker.lost(rest);
      break;
    }
  }
  return {
    matched: checker.matched,
    compared: checker.compared,
    mismatches: checker.mismatches,
    ...(stopped === undefined ? {} : { stopped }),
  };
}

function runStep(w: World, step: Step, checker: Checker, first: boolean): void {
  const m = w.machine;
  checker.step = step;
  m.lruBatch = step.drained ? null : (m.lruBatch ?? []);
  const observes = step.op.startsWith('none') || (first && step.op.startsWith('user:'));
  const setsUp = first && !observes && step.kernel.pages.some((p) => p.page !== null);
  const adopted = observes && (first || mappedAnew(w, step));
  let outcome: Outcome = {};
  if (adopted) {
    if (/PRIVATE/.test(step.step))
      for (const pte of step.kernel.pte) w.unmap(w.proc(step.pid), pageNumber(pte.addr));
    w.adopt(step, step.step);
    checker.learnContent(step);
    if (!step.drained) adoptBatch(w, step);
  } else {
    if (setsUp) setUp(w, step);
    if (!/^(none|user:)/.test(step.op)) nameNewPages(w, step);
    if (step.op === 'user:compact') compact(w, step);
    m.warnings.length = 0;
    const warnsBefore = m.warnCount;
    outcome = execute(w, step);
    // The harness watches the slot's page anew.
    if ((step.arg & 0x100) !== 0)
      for (const page of step.kernel.pages)
        if (step.kernel.gotPfns?.includes(page.pfn)) w.watches.delete(page.w);
    checker.compare('warnDelta', step.warnDelta, m.warnCount - warnsBefore);
  }
  checker.after(step, outcome, first, adopted);
}

/** Compaction moves what it likes, but never a page that somebody holds: where it moved one is the recording's choice. */
function compact(w: World, step: Step): void {
  const m = w.machine;
  for (const page of step.kernel.pages) {
    const watch = w.watches.get(page.w);
    if (page.page === null || page.refcount !== 0 || watch === undefined || watch.gone) continue;
    const head = m.head(watch.frame);
    if (m.ref(head) > 0 && m.serial[head] === watch.serial) migrateFolio(m, head);
  }
}

/** Folios of a snapshot that was not drained wait in the LRU batch. */
function adoptBatch(w: World, step: Step): void {
  for (const page of step.kernel.pages) {
    const frame = w.known(page.pfn);
    if (frame !== undefined && page.lru === 0) w.machine.lruBatch?.push(w.machine.head(frame));
  }
}

/** A snapshot that shows an entry where nothing is mapped, or a private view of a file: the program mapped anew. */
function mappedAnew(w: World, step: Step): boolean {
  const proc = w.proc(step.pid);
  if (!step.op.startsWith('none')) return false;
  if (/PRIVATE before/.test(step.step)) return true;
  return step.kernel.pte.some((pte) => {
    const v = w.vpageOf(pte.addr);
    return pte.present === 1 && v < w.machine.vpages && w.machine.vmaAt(proc, v) < 0;
  });
}

/** A first step that is an operation: its page is set up as the scenario's kind says. */
function setUp(w: World, step: Step): void {
  const proc = w.proc(step.pid);
  const pages = new Set<number>();
  for (const pte of step.kernel.pte) pages.add(pageNumber(pte.addr));
  if (step.addr !== '0x0') pages.add(pageNumber(step.addr));
  for (const later of w.recording.steps)
    if (later.addr !== '0x0' && pages.size === 0) pages.add(pageNumber(later.addr));
  if (step.op.includes('user_pages') && step.addr !== '0x0') prepare(w, step);
  else for (const page of pages) w.populate(proc, page, w.kind, step.step);
  for (const page of step.kernel.pages) watchSetUp(w, proc, page, [...pages]);
}

/** Ties the first step's watches to the pages that were just set up. */
function watchSetUp(w: World, proc: number, page: RecordedPage, pages: readonly number[]): void {
  const m = w.machine;
  if (page.page === null) return;
  const huge = page.order > 0;
  const v =
    pages.length > 0
      ? w.vpage(huge ? pages[0]! - (pages[0]! % 512) + page.idxInFolio : pages[0]!)
      : w.spare(0);
  if (pages.length === 0) {
    m.addVma(proc, v, v + (huge ? 512 : 1), w.mapping(w.kind, '').flags, -1);
    m.allocZone = zoneOf(page);
  }
  if (m.pte(proc, v) === 0) w.populateAt(proc, v);
  if ((m.pte(proc, v) & PTE.PRESENT) === 0) return;
  const frame = pteFrame(m.pte(proc, v));
  for (let i = 0; i < 1 << page.order; i++) w.pair(page.headPfn + i, m.head(frame) + i);
  w.watch(page.w, frame, page.pfn);
  settle(w, page, frame);
}

/** What earlier scenarios left on a resident page: activity flags, and buffer heads of a file page. */
function settle(w: World, page: RecordedPage, frame: number): void {
  const m = w.machine;
  const head = m.head(frame);
  if (head === ZERO_FRAME) w.adoptZeroPage(page);
  const idle = w.recording.steps[0]!.ret <= 0;
  // A page that is active but not referenced after one touch was referenced but not active before.
  const promoted = !idle && Boolean(page.active) && !page.referenced;
  if (page.active && !promoted) m.setFlag(head, PG.active);
  if (!m.isAnon(head) && page.dirty) m.setFlag(head, PG.dirty);
  // A call that took nothing has touched nothing.
  if (promoted || (idle && page.referenced)) m.setFlag(head, PG.referenced);
  else m.clearFlag(head, PG.referenced);
  if (page.private && (m.flags(head) & PG.private) === 0) {
    m.setFlag(head, PG.private);
    m.addWord(head, FRAME.REF, 1);
  }
  m.setWord(head, FRAME.SHAPE, m.order(head) | (zoneOf(page) << 8) | (page.nid << 12));
}

/** Watches that a step introduces, where the page is known already: operations without slot work on them. */
function nameNewPages(w: World, step: Step): void {
  for (const page of step.kernel.pages) {
    if (page.page === null || w.watches.has(page.w)) continue;
    const frame = w.known(page.pfn);
    if (frame !== undefined) w.watch(page.w, frame, page.pfn);
  }
}

const FLAGS = [
  'locked',
  'dirty',
  'writeback',
  'uptodate',
  'referenced',
  'lru',
  'active',
  'swapbacked',
  'swapcache',
  'private',
  'reserved',
  'mlocked',
  'unevictable',
  'ksm',
  'hugetlb',
] as const;

class Checker {
  matched = 0;
  compared = 0;
  readonly mismatches: Mismatch[] = [];
  step: Step;
  private readonly world: World;
  private knowsContent = false;
  private directReads = 0;
  private readonly seen = new Set<number>();

  constructor(world: World) {
    this.world = world;
    this.step = world.recording.steps[0]!;
  }

  compare(what: string, recorded: UserValue | null, model: UserValue | null): void {
    this.compared++;
    if (recorded === model) {
      this.matched++;
      return;
    }
    const { boot, name } = this.world.recording;
    this.mismatches.push({
      boot,
      scenario: name,
      step: this.step.step,
      seq: this.step.seq,
      what,
      recorded,
      model,
    });
  }

  /** Counts the values of a step that was not reached. */
  lost(step: Step): void {
    this.step = step;
    this.compare('ret', step.ret, null);
    for (const page of step.kernel.pages)
      if (page.page !== null) this.compare(`${page.w}.refcount`, page.refcount, null);
  }

  /** The bytes that the program had stored before the recording. */
  learnContent(step: Step): void {
    const m = this.world.machine;
    const seen = step.user.content ?? step.user.userSees;
    if (typeof seen !== 'string') return;
    this.knowsContent = true;
    const bytes = seen.charCodeAt(0) | (seen.charCodeAt(0) << 8);
    for (let f = 1; f < m.frames; f++) if (m.ref(m.head(f)) > 0) m.setWord(f, FRAME.CONTENT, bytes);
    if (typeof step.user.onDisk === 'string') m.setBacking(0, 0, bytes);
  }

  after(step: Step, outcome: Outcome, first: boolean, adopted: boolean): void {
    this.lookAt(step);
    this.countDirectReads(step);
    this.checkCall(step, outcome);
    this.checkCounters(step, first);
    this.checkGot(step, outcome);
    this.checkEntries(step, adopted);
    this.checkPages(step, adopted);
    this.checkUser(step, outcome);
  }

  /** The program reads its page to say what it sees. */
  private lookAt(step: Step): void {
    const w = this.world;
    const first = step.kernel.pte[0];
    if (first === undefined || step.user.userSees === undefined) return;
    userAccess(w.machine, w.proc(step.pid), w.vpageOf(first.addr), false);
  }

  /** Looking at the disk is itself a direct read: one pin, acquired and released. */
  private countDirectReads(step: Step): void {
    const disk = step.user.onDisk;
    if (typeof disk === 'string' && disk !== '-') this.directReads++;
  }

  private checkCall(step: Step, outcome: Outcome): void {
    if (outcome.ret !== undefined) this.compare('ret', step.ret, outcome.ret);
    // A process that appears for the first time, not by a recorded fork, may have pinned before.
    const proc = this.world.proc(step.pid);
    if (!this.seen.has(proc)) {
      this.seen.add(proc);
      if (!step.op.startsWith('pin') && step.kernel.mmHasPinned === 1)
        this.world.machine.setProcFlag(proc, MMF_HAS_PINNED);
    }
    const flags = this.world.machine.procFlags(this.world.proc(step.pid));
    this.compare('mmHasPinned', step.kernel.mmHasPinned, (flags & MMF_HAS_PINNED) !== 0 ? 1 : 0);
  }

  private checkCounters(step: Step, first: boolean): void {
    const m = this.world.machine;
    const acquired = m.state[GLOBAL.ACQUIRED]! + this.directReads;
    const released = m.state[GLOBAL.RELEASED]! + this.directReads;
    const { nrFollPinAcquired, nrFollPinReleased } = step.kernel.vmstat;
    if (first) {
      const { before } = this.world.recording;
      const isCall = !step.op.startsWith('none') && !step.op.startsWith('user:');
      this.world.base =
        before !== undefined && isCall
          ? before
          : { acquired: nrFollPinAcquired - acquired, released: nrFollPinReleased - released };
      if (before === undefined || !isCall) return;
    }
    const base = this.world.base!;
    this.compare('nrFollPinAcquired', nrFollPinAcquired - base.acquired, acquired);
    this.compare('nrFollPinReleased', nrFollPinReleased - base.released, released);
  }

  private checkGot(step: Step, outcome: Outcome): void {
    const { gotPages, gotPfns } = step.kernel;
    if (outcome.frames === undefined || gotPfns === undefined) return;
    if (gotPages !== undefined) this.compare('gotPages', gotPages, outcome.frames.length);
    for (const [i, pfn] of gotPfns.entries()) {
      const frame = outcome.frames[i];
      if (frame === undefined) continue;
      this.compare(`pages[${i}] is the same page`, true, this.world.pair(pfn, frame));
    }
  }

  private checkEntries(step: Step, adopted: boolean): void {
    const w = this.world;
    const proc = w.proc(step.pid);
    for (const [i, pte] of step.kernel.pte.entries()) {
      const v = w.vpageOf(pte.addr);
      if (v >= w.machine.vpages) continue;
      if (!adopted) this.checkEntry(`pte ${step.addrNames[i]}`, pte, w.machine.pte(proc, v));
    }
  }

  private checkEntry(name: string, recorded: RecordedPte, model: number): void {
    const present = (model & PTE.PRESENT) !== 0;
    this.compare(`${name} is none`, recorded.none === 1, model === 0);
    if (recorded.none === 1 || model === 0) return;
    this.compare(`${name}.present`, recorded.present ?? 0, present ? 1 : 0);
    if (recorded.present !== 1 || !present) return;
    this.compare(`${name}.level`, recorded.level ?? '', (model & PTE.PMD) !== 0 ? 'pmd' : 'pte');
    this.compare(`${name}.write`, recorded.write ?? 0, (model & PTE.WRITE) !== 0 ? 1 : 0);
    this.compare(`${name}.dirty`, recorded.dirty ?? 0, (model & PTE.DIRTY) !== 0 ? 1 : 0);
    this.compare(`${name}.young`, recorded.young ?? 0, (model & PTE.YOUNG) !== 0 ? 1 : 0);
    if (recorded.special !== undefined)
      this.compare(`${name}.special`, recorded.special, (model & PTE.SPECIAL) !== 0 ? 1 : 0);
    if (recorded.pfn !== undefined)
      this.compare(`${name} maps the same page`, true, this.world.pair(recorded.pfn, pteFrame(model)));
  }

  private checkPages(step: Step, adopted: boolean): void {
    const w = this.world;
    const m = w.machine;
    for (const page of step.kernel.pages) {
      const name = step.watchNames[String(page.w)] ?? String(page.w);
      if (page.page === null) {
        w.watches.delete(page.w);
        continue;
      }
      let watch = w.watches.get(page.w);
      const introduced = watch === undefined || watch.pfn !== page.pfn;
      if (introduced) {
        const frame = this.find(step, page);
        if (frame === undefined) {
          this.compare(`${name} is a page`, true, false);
          continue;
        }
        watch = w.watch(page.w, frame, page.pfn);
        this.place(page, frame);
      }
      if (watch!.gone) continue;
      const freed = m.serial[m.head(watch!.frame)] !== watch!.serial || m.ref(m.head(watch!.frame)) === 0;
      if (freed || page.refcount === 0) {
        this.compare(`${name} is freed`, page.refcount === 0, freed);
        watch!.gone = true;
        continue;
      }
      if (!(adopted && introduced)) this.checkPage(name, page, watch!.frame);
    }
  }

  /** The model's frame for a page that a watch names for the first time. */
  private find(step: Step, page: RecordedPage): number | undefined {
    const w = this.world;
    if (page.zeroPage === true) return w.adoptZeroPage(page);
    const known = w.known(page.pfn);
    if (known !== undefined) return known;
    const byName = step.watchNames[String(page.w)];
    const extra = byName === undefined ? undefined : w.named(byName);
    if (extra !== undefined) w.pair(page.pfn, extra);
    return extra;
  }

  /** Where the allocator placed a page that no long-term pin holds is its choice, not the model's. */
  private place(page: RecordedPage, frame: number): void {
    const m = this.world.machine;
    const head = m.head(frame);
    const longterm = [...this.world.slots.values()].some(
      (slot) => slot.longterm && slot.frames.includes(frame),
    );
    if (head === ZERO_FRAME || longterm || page.refcount === 0) return;
    m.setWord(head, FRAME.SHAPE, m.order(head) | (zoneOf(page) << 8) | (m.node(head) << 12));
  }

  private checkPage(name: string, page: RecordedPage, frame: number): void {
    const m = this.world.machine;
    const head = m.head(frame);
    const flags = m.flags(head);
    const order = m.order(head);
    const anon = m.isAnon(head);
    const is = (bit: number): number => ((flags & bit) !== 0 ? 1 : 0);
    const check = (what: string, model: UserValue | null): void => {
      const recorded = page[what];
      if (recorded === undefined) return;
      this.compare(
        `${name}.${what}`,
        typeof model === 'boolean' ? Boolean(recorded) : (recorded as UserValue | null),
        model,
      );
    };
    check('refcount', m.ref(head));
    check('mapcount', m.word(head, FRAME.MAPCOUNT));
    if (page.hugetlb !== true) check('pageMapcountField', pageMapcount(m, frame));
    check('entireMapcount', m.word(head, FRAME.ENTIRE));
    check('pincount', order > 0 ? m.word(head, FRAME.PIN) : null);
    check('maybeDmaPinned', folioMaybeDmaPinned(m, head));
    check('order', order);
    check('idxInFolio', frame - head);
    check('large', order > 0);
    check('anon', anon);
    check('zeroPage', head === ZERO_FRAME);
    check('hugeZero', (flags & PG.hugeZero) !== 0);
    check('mappingNull', m.word(head, FRAME.MAPPING) === 0);
    const own = (flags & PG.hugetlb) !== 0 ? head : frame;
    check('anonExclusive', anon ? ((m.flags(own) & PG.anonExclusive) !== 0 ? 1 : 0) : -1);
    check('headAnonExclusive', anon ? is(PG.anonExclusive) : -1);
    for (const flag of FLAGS) check(flag, is(PG[flag]) === 1);
    if (page.zone !== undefined && head !== ZERO_FRAME)
      this.compare(`${name} may be pinned for long`, isPinnable(zoneOf(page)), isPinnable(m.zone(head)));
  }

  private checkUser(step: Step, outcome: Outcome): void {
    for (const [key, value] of Object.entries(outcome.user ?? {})) {
      const recorded = step.user[key];
      if (recorded !== undefined) this.compare(`user ${key}`, recorded, value);
    }
    this.checkSeen(step);
    const disk = step.user.onDisk;
    if (typeof disk === 'string' && disk !== '-' && this.knowsContent)
      this.compare('user onDisk', disk, String.fromCharCode(this.stored() & 0xff));
  }

  /** What the process sees at its first address. */
  private checkSeen(step: Step): void {
    const w = this.world;
    const m = w.machine;
    const seen = step.user.content ?? step.user.userSees;
    const first = step.kernel.pte[0];
    if (typeof seen !== 'string' || first === undefined || !this.knowsContent) return;
    const pte = m.pte(w.proc(step.pid), w.vpageOf(first.addr));
    if ((pte & PTE.PRESENT) === 0) return;
    this.compare('user sees', seen, String.fromCharCode(m.word(pteFrame(pte), FRAME.CONTENT) & 0xff));
  }

  private stored(): number {
    const m = this.world.machine;
    const frame = this.world.kind === 'fsdax' ? m.cached(0, 0) : -1;
    return frame >= 0 ? m.word(frame, FRAME.CONTENT) : m.backing(0, 0);
  }
}

function isPinnable(zone: number): boolean {
  return zone !== ZONE.movable && zone !== ZONE.cma;
}
