/** A parsed test as a scenario, with the registers that its statements set and its condition reads. */
import { FOLL } from '../protocol/flags.ts';
import type { ActorKind, Scenario } from '../protocol/scenario.ts';
import {
  ACQUIRE_APIS,
  type AcquireApi,
  type Condition,
  type DmaDirection,
  type DriverStep,
  RELEASE_APIS,
  type ReleaseApi,
} from '../protocol/steps.ts';
import {
  type Argument,
  LitmusError,
  type LitmusTest,
  type Position,
  type Section,
  type Statement,
} from './ast.ts';
import { suggestion } from './suggest.ts';

/** Values that a statement may read into a register. */
export const PROBES = [
  'page_ref_count',
  'folio_mapcount',
  'folio_pincount',
  'folio_maybe_dma_pinned',
  'iov_iter_extract_will_pin',
  'nr_foll_pin_acquired',
  'nr_foll_pin_released',
] as const;
export type ProbeName = (typeof PROBES)[number];

/** A register that is set right after a driver step: its return value, or a probe. */
export interface Register {
  readonly name: string;
  /** Step whose execution sets it; -1 before the first. */
  readonly after: number;
  /** The step is one of the second driver section's. */
  readonly second?: boolean;
  readonly probe: ProbeName | 'return';
  readonly set: number;
  readonly slot: number;
}

export interface LoweredTest {
  readonly scenario: Scenario;
  readonly registers: readonly Register[];
  readonly arrays: readonly string[];
}

const RELEASED_ONE_BY_ONE = ['put_page', 'folio_put', '__free_page', 'unpin_user_page', 'unpin_folio'];
const DIRECTIONS: Readonly<Record<string, DmaDirection>> = {
  DMA_TO_DEVICE: 'to-device',
  DMA_FROM_DEVICE: 'from-device',
  DMA_BIDIRECTIONAL: 'bidirectional',
};
/** Statements without anything to say beyond their name. */
const PLAIN: Readonly<Record<string, DriverStep>> = {
  mmap_read_lock: { op: 'mmap-lock' },
  mmap_read_unlock: { op: 'mmap-unlock' },
  return_to_user: { op: 'later' },
  mmu_interval_notifier_insert: { op: 'notifier-insert' },
  mmu_interval_notifier_remove: { op: 'notifier-remove' },
  mmu_interval_read_begin: { op: 'read-begin' },
  mmu_interval_set_seq: { op: 'set-seq' },
  mutex_lock: { op: 'driver-lock' },
  mutex_unlock: { op: 'driver-unlock' },
};
const BRANCHES: Readonly<Record<string, Condition>> = {
  mmu_interval_read_retry: 'read-retry',
  dma_mapped: 'dma-mapped',
  iov_iter_extract_will_pin: 'will-pin',
};
const STATEMENTS = [
  ...ACQUIRE_APIS,
  ...RELEASE_APIS,
  ...PROBES,
  'read',
  'write',
  'dma_map',
  'dma_unmap',
  'set_page_dirty',
  'set_page_dirty_lock',
  'assume',
  'hmm_range_fault',
  'bio_release_pages',
  'goto',
  ...Object.keys(PLAIN),
];
const KERNEL_ACTIONS: Readonly<Record<string, ActorKind>> = {
  writeback: 'writeback',
  reclaim: 'reclaim',
  migrate_pages: 'migrate',
  ksm: 'ksm',
};
const TASK_ACTIONS = ['fork', 'store', 'munmap', 'truncate', 'exit'];

/** Lowers a test. Throws LitmusError for what a scenario can't say. */
export function lowerLitmus(test: LitmusTest, file: string): LoweredTest {
  return new Lowering(test, file).run();
}

class Lowering {
  /** The section that is lowered now, and whether it is the second driver. */
  private driver: DriverStep[] = [];
  private second = false;
  private labels = new Map<string, number>();
  private slowWriteback = false;
  private readonly registers: Register[] = [];
  private readonly arrays: string[] = [];
  private readonly actors: ActorKind[] = [];
  private readonly test: LitmusTest;
  private readonly file: string;

  constructor(test: LitmusTest, file: string) {
    this.test = test;
    this.file = file;
  }

  run(): LoweredTest {
    const { buffer, sections } = this.test;
    const drivers = sections.filter((section) => section.role === 'driver');
    const callbacks = sections.filter((section) => section.role === 'invalidate');
    if (drivers.length === 0)
      this.fail({ line: 1, column: 1 }, `expected one \`driver\` section, found ${drivers.length}`);
    if (drivers.length > 2) this.fail(drivers[2]!.at, 'expected one or two `driver` sections, found a third');
    if (callbacks.length > 1) this.fail(callbacks[1]!.at, 'expected one `invalidate` section, found another');
    const driver = this.list(drivers[0]!);
    this.second = true;
    const second = drivers[1] === undefined ? {} : { second: this.list(drivers[1]) };
    const callback = callbacks[0] === undefined ? {} : { callback: this.list(callbacks[0]) };
    for (const section of sections)
      if (section.role === 'task' || section.role === 'kernel') this.actor(section);
    const killed = buffer.killed === undefined ? {} : { killed: buffer.killed };
    const stable = buffer.stable === undefined ? {} : { stable: buffer.stable };
    const mapped = buffer.mapped ?? buffer.pages;
    const zone = buffer.zone === undefined ? {} : { zone: buffer.zone };
    return {
      scenario: {
        memory: {
          kind: buffer.kind,
          pages: buffer.pages,
          mapped,
          writable: !buffer.readonly,
          ...zone,
          ...killed,
          ...stable,
        },
        driver,
        actors: this.actors,
        ...second,
        ...callback,
        ...(this.slowWriteback ? { slowWriteback: true } : {}),
      },
      registers: this.registers,
      arrays: this.arrays,
    };
  }

  private list(section: Section): DriverStep[] {
    this.driver = [];
    this.labels = new Map();
    for (const statement of section.statements) this.statement(statement);
    return this.driver;
  }

  private statement(s: Statement): void {
    if (s.label !== undefined) this.labels.set(s.label, this.driver.length);
    if (s.body !== undefined) {
      this.branch(s, s.body);
      return;
    }
    const is = (names: readonly string[]): boolean => names.includes(s.call);
    if (is(ACQUIRE_APIS)) this.acquire(s);
    else if (is(RELEASE_APIS)) this.release(s);
    else if (is(PROBES)) this.probe(s);
    else if (s.call === 'hmm_range_fault') this.hmmFault(s);
    else if (s.call === 'goto') this.driver.push({ op: 'goto', to: this.labelled(s) });
    else if (s.call === 'assume') this.assume(s);
    else this.driver.push(this.step(s));
  }

  /** `if (condition) { … }`: how many steps the body has is known once it is lowered. */
  private branch(s: Statement, body: readonly Statement[]): void {
    const condition = BRANCHES[s.call];
    if (condition === undefined)
      this.fail(s.at, `\`${s.call}\` is no condition${suggestion(s.call, Object.keys(BRANCHES))}`);
    const slots = condition === 'dma-mapped' ? this.slots(s, 0) : { set: 0, from: 0, count: 0 };
    const at = this.driver.length;
    const step = { op: 'if', condition: condition!, ...slots, body: 0 } as const;
    this.driver.push(step);
    for (const inner of body) this.statement(inner);
    const negated = s.negated === true ? { negated: true } : {};
    this.driver[at] = { ...step, body: this.driver.length - at - 1, ...negated };
  }

  private labelled(s: Statement): number {
    const argument = s.args[0]!;
    const name = argument.kind === 'words' ? argument.words[0]! : '';
    const known = [...this.labels.keys()];
    return (
      this.labels.get(name) ??
      this.fail(argument.at, `no label \`${name}\` before this${suggestion(name, known)}`)
    );
  }

  private hmmFault(s: Statement): void {
    const page = this.bufferPage(s);
    const nr = this.numeric(s, 1, 'a number of pages');
    const wanted = this.argument(s, 2, 'HMM_PFN_REQ_FAULT or HMM_PFN_REQ_WRITE');
    const word = wanted.kind === 'words' ? wanted.words[0]! : '';
    const known = ['HMM_PFN_REQ_FAULT', 'HMM_PFN_REQ_WRITE'];
    if (!known.includes(word))
      this.fail(wanted.at, `expected HMM_PFN_REQ_FAULT or HMM_PFN_REQ_WRITE${suggestion(word, known)}`);
    const target = this.argument(s, 3, 'an array of pages');
    if (target.kind !== 'words') {
      this.fail(target.at, 'expected an array of pages');
      return;
    }
    const set = this.arraySet(target.words[0]!, true, target.at);
    this.driver.push({
      op: 'hmm-fault',
      set,
      nr,
      write: word.endsWith('WRITE'),
      ...(page === 0 ? {} : { page }),
    });
    this.returns(s, set);
  }

  /** The register that keeps the result of the call just added. */
  private returns(s: Statement, set: number): void {
    if (s.target === undefined) return;
    const after = this.driver.length - 1;
    this.registers.push({ name: s.target, after, probe: 'return', set, slot: 0, ...this.thread() });
  }

  private thread(): { second?: boolean } {
    return this.second ? { second: true } : {};
  }

  private step(s: Statement): DriverStep {
    const plain = PLAIN[s.call];
    if (plain !== undefined) return plain;
    switch (s.call) {
      case 'read':
      case 'write':
        return { op: 'access', mode: s.call, ...this.slots(s, 0) };
      case 'dma_map':
        return { op: 'dma-map', direction: this.direction(s), ...this.slots(s, 0) };
      case 'dma_unmap':
        return { op: 'dma-unmap', ...this.slots(s, 0) };
      case 'set_page_dirty':
      case 'set_page_dirty_lock':
        return { op: 'dirty', locked: s.call.endsWith('lock'), ...this.slots(s, 0) };
      case 'bio_release_pages':
        return this.bioRelease(s);
      default:
        return this.fail(s.at, `\`${s.call}\` is no statement of a driver${suggestion(s.call, STATEMENTS)}`);
    }
  }

  private bioRelease(s: Statement): DriverStep {
    const pages = this.argument(s, 0, 'pages');
    const name = pages.kind === 'array' ? pages.name : pages.kind === 'words' ? pages.words[0]! : '';
    return {
      op: 'bio-release',
      set: this.arraySet(name, false, pages.at),
      from: pages.kind === 'array' ? (pages.from ?? pages.offset ?? 0) : 0,
      count: this.numeric(s, 1, 'a number of pages'),
      makeDirty: this.makeDirty(s) === true,
    };
  }

  /** Page at which the first argument, the buffer, begins. */
  private bufferPage(s: Statement): number {
    const start = this.argument(s, 0, 'the buffer');
    const base = start.kind === 'words' ? start.words[0] : start.kind === 'array' ? start.name : '';
    if (base !== this.test.buffer.name)
      this.fail(
        start.at,
        `expected the buffer \`${this.test.buffer.name}\`${suggestion(base ?? '', [this.test.buffer.name])}`,
      );
    return start.kind === 'array' ? (start.offset ?? 0) : 0;
  }

  private acquire(s: Statement): void {
    const page = this.bufferPage(s);
    const nr = this.numeric(s, 1, 'a number of pages');
    const flags = this.flags(this.argument(s, 2, 'FOLL_ flags'));
    const target = this.argument(s, 3, 'an array of pages or NULL');
    const name =
      target.kind === 'words' ? target.words[0]! : this.fail(target.at, 'expected an array of pages or NULL');
    const nullPages = name === 'NULL';
    const set = this.arraySet(nullPages ? `NULL#${this.arrays.length}` : name, true, target.at);
    const step: DriverStep = {
      op: 'acquire',
      api: s.call as AcquireApi,
      flags,
      nr,
      set,
      ...(page === 0 ? {} : { page }),
      ...(nullPages ? { nullPages } : {}),
      ...(s.times === undefined ? {} : { times: s.times }),
    };
    this.driver.push(step);
    this.returns(s, set);
  }

  /** `assume(n == 1)`: the acquire that set `n` gave this result; other runs are not looked at. */
  private assume(s: Statement): void {
    const argument = this.argument(s, 0, 'a comparison such as `n == 1`');
    if (argument.kind !== 'comparison') {
      this.fail(argument.at, 'expected a comparison such as `n == 1`');
      return;
    }
    const { name, value, at } = argument;
    const register = this.registers.find(
      (r) => r.name === name && r.probe === 'return' && (r.second === true) === this.second,
    );
    const names = this.registers.map((r) => r.name);
    if (register === undefined) {
      this.fail(at, `no acquire sets \`${name}\`${suggestion(name, names)}`);
      return;
    }
    const step = this.driver[register.after]!;
    this.driver[register.after] = { ...step, expect: value } as DriverStep;
  }

  private release(s: Statement): void {
    const api = s.call as ReleaseApi;
    const first = this.argument(s, 0, 'pages');
    const makeDirty = this.makeDirty(s);
    const dirty = makeDirty === undefined ? {} : { makeDirty };
    if (first.kind === 'array' && first.from !== undefined && s.args.length === 1) {
      this.driver.push({ op: 'release', api, ...this.slots(s, 0), ...dirty });
      return;
    }
    const from = first.kind === 'array' ? (first.from ?? first.offset ?? 0) : 0;
    const name = first.kind === 'array' ? first.name : first.kind === 'words' ? first.words[0]! : '';
    const count = s.args.length > 1 ? this.numeric(s, 1, 'a number of pages') : 1;
    this.driver.push({
      op: 'release',
      api,
      set: this.arraySet(name, false, first.at),
      from,
      count,
      ...dirty,
    });
    if (s.args.length === 1 && !RELEASED_ONE_BY_ONE.includes(api))
      this.fail(s.at, `\`${api}\` needs a number of pages`);
  }

  private makeDirty(s: Statement): boolean | undefined {
    const argument = s.args[2];
    if (argument === undefined) return undefined;
    const word = argument.kind === 'words' ? argument.words[0] : '';
    if (word === 'true' || word === 'false') return word === 'true';
    return this.fail(argument.at, 'expected `true` or `false`');
  }

  private probe(s: Statement): void {
    if (s.target === undefined) this.fail(s.at, `expected a register: \`r0 = ${s.call}(…)\``);
    const wantsPage = !s.call.startsWith('nr_') && s.call !== 'iov_iter_extract_will_pin';
    const where = wantsPage ? this.slots(s, 0) : { set: 0, from: 0 };
    this.registers.push({
      name: s.target!,
      after: this.driver.length - 1,
      probe: s.call as ProbeName,
      set: where.set,
      slot: where.from,
      ...this.thread(),
    });
  }

  private slots(s: Statement, index: number): { set: number; from: number; count: number } {
    const argument = this.argument(s, index, 'pages such as `pages[0]`');
    if (argument.kind !== 'array' || argument.from === undefined)
      return this.fail(argument.at, 'expected pages such as `pages[0]` or `pages[0..1]`');
    return {
      set: this.arraySet(argument.name, false, argument.at),
      from: argument.from,
      count: (argument.to ?? argument.from) - argument.from + 1,
    };
  }

  private arraySet(name: string, declares: boolean, at: Position): number {
    const known = this.arrays.indexOf(name);
    if (known >= 0) return known;
    if (!declares) this.fail(at, `no acquire fills \`${name}\`${suggestion(name, this.arrays)}`);
    this.arrays.push(name);
    return this.arrays.length - 1;
  }

  private flags(argument: Argument): number {
    if (argument.kind === 'number') return argument.value;
    if (argument.kind !== 'words') return this.fail(argument.at, 'expected FOLL_ flags or 0');
    let flags = 0;
    for (const word of argument.words) {
      const bit = (FOLL as Readonly<Record<string, number>>)[word.replace(/^FOLL_/, '')];
      if (bit === undefined || !word.startsWith('FOLL_'))
        this.fail(
          argument.at,
          `\`${word}\` is no flag${suggestion(
            word,
            Object.keys(FOLL).map((name) => `FOLL_${name}`),
          )}`,
        );
      flags |= bit!;
    }
    return flags;
  }

  private direction(s: Statement): DmaDirection {
    const argument = this.argument(s, 1, 'a DMA direction');
    const word = argument.kind === 'words' ? argument.words[0]! : '';
    return (
      DIRECTIONS[word] ??
      this.fail(argument.at, `expected a DMA direction${suggestion(word, Object.keys(DIRECTIONS))}`)
    );
  }

  private numeric(s: Statement, index: number, what: string): number {
    const argument = this.argument(s, index, what);
    return argument.kind === 'number' ? argument.value : this.fail(argument.at, `expected ${what}`);
  }

  private argument(s: Statement, index: number, what: string): Argument {
    return s.args[index] ?? this.fail(s.at, `\`${s.call}\` lacks ${what} as argument ${index + 1}`);
  }

  /** One section beside the driver is one actor. */
  private actor(section: Section): void {
    const calls = section.statements.map((s) => s.call);
    if (section.role === 'kernel') {
      if (calls.join(' ') === 'writeback_start writeback_end') {
        this.slowWriteback = true;
        this.actors.push('writeback');
        return;
      }
      const kind = KERNEL_ACTIONS[calls[0] ?? ''];
      if (calls.length !== 1 || kind === undefined) this.badActor(section, Object.keys(KERNEL_ACTIONS));
      this.actors.push(kind!);
      return;
    }
    const isChild = this.forkedTasks().has(section.task ?? '');
    if (isChild) {
      if (calls.length !== 1 || calls[0] !== 'store') this.badActor(section, ['store']);
      return;
    }
    const [first, second] = calls;
    if (first === 'fork' && calls.length <= 2) {
      if (second !== undefined && second !== 'store')
        this.badActor(section, ['store'], section.statements[1]);
      const childStores = this.test.sections.some(
        (other) => other.role === 'task' && other.task === childOf(section),
      );
      if (second === undefined && !childStores)
        this.fail(section.at, 'expected a store by the parent or by the child after fork');
      this.actors.push(second === 'store' ? 'fork-parent-write' : 'fork-child-write');
      return;
    }
    if (calls.length !== 1 || first === undefined || !TASK_ACTIONS.includes(first))
      this.badActor(section, TASK_ACTIONS);
    this.actors.push(first as ActorKind);
  }

  private forkedTasks(): Set<string> {
    const tasks = new Set<string>();
    for (const section of this.test.sections)
      if (section.role === 'task' && section.statements[0]?.call === 'fork') tasks.add(childOf(section));
    return tasks;
  }

  private badActor(
    section: Section,
    known: readonly string[],
    wrong = section.statements.find((s) => !known.includes(s.call)),
  ): never {
    const found = wrong === undefined ? `${section.statements.length} statements` : `\`${wrong.call}\``;
    this.fail(
      wrong?.at ?? section.at,
      `expected one of ${known.join(', ')} in this section, found ${found}${suggestion(wrong?.call ?? '', known)}`,
    );
  }

  private fail(at: Position, message: string): never {
    throw new LitmusError(this.file, at, message);
  }
}

/** Name of the process that a section's fork creates: `fork(B)`. */
function childOf(section: Section): string {
  const argument = section.statements[0]?.args[0];
  return argument?.kind === 'words' ? argument.words[0]! : '';
}
