/** A parsed test as a scenario, with the registers that its statements set and its condition reads. */
import { FOLL } from '../protocol/flags.ts';
import type { ActorKind, Scenario } from '../protocol/scenario.ts';
import {
  ACQUIRE_APIS,
  type AcquireApi,
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
  'nr_foll_pin_acquired',
  'nr_foll_pin_released',
] as const;
export type ProbeName = (typeof PROBES)[number];

/** A register that is set right after a driver step: its return value, or a probe. */
export interface Register {
  readonly name: string;
  /** Step whose execution sets it; -1 before the first. */
  readonly after: number;
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
  'mmap_read_lock',
  'mmap_read_unlock',
  'return_to_user',
  'assume',
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
  private readonly driver: DriverStep[] = [];
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
    if (drivers.length !== 1)
      this.fail(
        drivers[1]?.at ?? { line: 1, column: 1 },
        `expected one \`driver\` section, found ${drivers.length}`,
      );
    for (const statement of drivers[0]!.statements) this.statement(statement);
    for (const section of sections) if (section.role !== 'driver') this.actor(section);
    const mapped = buffer.mapped ?? buffer.pages;
    const zone = buffer.zone === undefined ? {} : { zone: buffer.zone };
    return {
      scenario: {
        memory: { kind: buffer.kind, pages: buffer.pages, mapped, writable: !buffer.readonly, ...zone },
        driver: this.driver,
        actors: this.actors,
      },
      registers: this.registers,
      arrays: this.arrays,
    };
  }

  private statement(s: Statement): void {
    const is = (names: readonly string[]): boolean => names.includes(s.call);
    if (is(ACQUIRE_APIS)) this.acquire(s);
    else if (is(RELEASE_APIS)) this.release(s);
    else if (is(PROBES)) this.probe(s);
    else if (s.call === 'assume') this.assume(s);
    else this.driver.push(this.step(s));
  }

  private step(s: Statement): DriverStep {
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
      case 'mmap_read_lock':
        return { op: 'mmap-lock' };
      case 'mmap_read_unlock':
        return { op: 'mmap-unlock' };
      case 'return_to_user':
        return { op: 'later' };
      default:
        return this.fail(s.at, `\`${s.call}\` is no statement of a driver${suggestion(s.call, STATEMENTS)}`);
    }
  }

  private acquire(s: Statement): void {
    const start = this.argument(s, 0, 'the buffer');
    const base = start.kind === 'words' ? start.words[0] : start.kind === 'array' ? start.name : '';
    if (base !== this.test.buffer.name)
      this.fail(
        start.at,
        `expected the buffer \`${this.test.buffer.name}\`${suggestion(base ?? '', [this.test.buffer.name])}`,
      );
    const page = start.kind === 'array' ? (start.offset ?? 0) : 0;
    const nr = this.numeric(s, 1, 'a number of pages');
    const flags = this.flags(this.argument(s, 2, 'FOLL_ flags'));
    const target = this.argument(s, 3, 'an array of pages or NULL');
    const name =
      target.kind === 'words' ? target.words[0]! : this.fail(target.at, 'expected an array of pages or NULL');
    const nullPages = name === 'NULL';
    const set = this.arraySet(nullPages ? `NULL#${this.driver.length}` : name, true, target.at);
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
    if (s.target !== undefined)
      this.registers.push({ name: s.target, after: this.driver.length - 1, probe: 'return', set, slot: 0 });
  }

  /** `assume(n == 1)`: the acquire that set `n` gave this result; other runs are not looked at. */
  private assume(s: Statement): void {
    const argument = this.argument(s, 0, 'a comparison such as `n == 1`');
    if (argument.kind !== 'comparison') {
      this.fail(argument.at, 'expected a comparison such as `n == 1`');
      return;
    }
    const { name, value, at } = argument;
    const register = this.registers.find((r) => r.name === name && r.probe === 'return');
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
    const wantsPage = !s.call.startsWith('nr_');
    const where = wantsPage ? this.slots(s, 0) : { set: 0, from: 0 };
    this.registers.push({
      name: s.target!,
      after: this.driver.length - 1,
      probe: s.call as ProbeName,
      set: where.set,
      slot: where.from,
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
