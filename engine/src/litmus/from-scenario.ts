/** A scenario as a litmus test, so that a finding's run can be saved, read and run again. */
import { FOLL } from '../protocol/flags.ts';
import type { ActorKind, Scenario } from '../protocol/scenario.ts';
import type { DriverStep, Slots } from '../protocol/steps.ts';
import type { PropertyName } from '../protocol/trace.ts';
import type { Argument, Expression, LitmusTest, Observation, Position, Section, Statement } from './ast.ts';

const NOWHERE: Position = { line: 0, column: 0 };

export interface FromScenarioOptions {
  readonly comments?: readonly string[];
  /** Property that the condition asks for; all of them unless given. */
  readonly property?: PropertyName;
  readonly expectation?: Observation;
}

/** The test that runs `scenario` and asks whether a property breaks. Names are kept to letters, digits and hyphens. */
export function scenarioToLitmus(
  scenario: Scenario,
  name: string,
  options: FromScenarioOptions = {},
): LitmusTest {
  const { memory } = scenario;
  let children = 0;
  const sections: Section[] = [
    {
      comments: [],
      role: 'driver',
      task: 'A',
      statements: listOf(scenario.driver),
      at: NOWHERE,
    },
  ];
  for (const [role, steps] of [
    ['driver', scenario.second],
    ['invalidate', scenario.callback],
  ] as const)
    if (steps !== undefined)
      sections.push({ comments: [], role, task: 'A', statements: listOf(steps), at: NOWHERE });
  for (const kind of scenario.actors) {
    const child = kind.startsWith('fork') ? `B${children++ === 0 ? '' : children}` : '';
    sections.push(...sectionsOf(kind, child, scenario.slowWriteback === true));
  }
  return {
    name: name.replace(/[^A-Za-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'scenario',
    comments: options.comments ?? [],
    buffer: {
      name: 'p',
      kind: memory.kind,
      pages: memory.pages,
      readonly: !memory.writable,
      ...(memory.mapped === memory.pages ? {} : { mapped: memory.mapped }),
      ...(memory.zone === undefined ? {} : { zone: memory.zone }),
      ...(memory.killed === true ? { killed: true } : {}),
      ...(memory.stable === true ? { stable: true } : {}),
    },
    sections,
    remarks: [],
    quantifier: 'exists',
    condition: conditionOf(options.property),
    ...(options.expectation === undefined ? {} : { expectation: options.expectation }),
  };
}

const GRAVE: readonly PropertyName[] = [
  'lost-write',
  'stale-read',
  'child-sees-write',
  'unbalanced-references',
  'refcount-underflow',
  'kernel-warning',
];

function conditionOf(property: PropertyName | undefined): Expression {
  const atom = (name: string): Expression => ({ kind: 'atom', name, args: [], at: NOWHERE });
  if (property !== undefined) return atom(property);
  return GRAVE.map(atom).reduce((left, right) => ({ kind: 'or', left, right }));
}

function arrayName(set: number): string {
  return set === 0 ? 'pages' : `pages${set + 1}`;
}

function words(...names: string[]): Argument {
  return { kind: 'words', words: names, at: NOWHERE };
}
function number(value: number): Argument {
  return { kind: 'number', value, at: NOWHERE };
}
function range(slots: Slots): Argument {
  return {
    kind: 'array',
    name: arrayName(slots.set),
    from: slots.from,
    to: slots.from + slots.count - 1,
    at: NOWHERE,
  };
}
function base(slots: Slots): Argument {
  const name = arrayName(slots.set);
  return slots.from === 0 ? words(name) : { kind: 'array', name, offset: slots.from, at: NOWHERE };
}
function statement(call: string, args: readonly Argument[], extra: Partial<Statement> = {}): Statement {
  return { comments: [], call, args, at: NOWHERE, ...extra };
}

function flagArgument(flags: number): Argument {
  const names = Object.entries(FOLL).filter(([, bit]) => (flags & bit) !== 0);
  const named = names.reduce((mask, [, bit]) => mask | bit, 0);
  return named === flags && flags !== 0 ? words(...names.map(([name]) => `FOLL_${name}`)) : number(flags);
}

/** Steps as statements: the bodies of branches are put into them, and the targets of jumps get labels. */
function listOf(steps: readonly DriverStep[]): Statement[] {
  const targets = new Set(steps.flatMap((step) => (step.op === 'goto' ? [step.to] : [])));
  const range = (from: number, to: number): Statement[] => {
    const statements: Statement[] = [];
    for (let i = from; i < to; i++) {
      const step = steps[i]!;
      const [first, ...rest] =
        step.op === 'if' ? [branchOf(step, range(i + 1, i + 1 + step.body))] : statementsOf(step, i);
      if (first !== undefined)
        statements.push(targets.has(i) ? { ...first, label: labelOf(i) } : first, ...rest);
      if (step.op === 'if') i += step.body;
    }
    return statements;
  };
  return range(0, steps.length);
}

function labelOf(index: number): string {
  return `again${index}`;
}

function branchOf(step: Extract<DriverStep, { op: 'if' }>, body: readonly Statement[]): Statement {
  const negated = step.negated === true ? { negated: true } : {};
  switch (step.condition) {
    case 'read-retry':
      return statement('mmu_interval_read_retry', [words('notifier'), words('seq')], { body, ...negated });
    case 'dma-mapped':
      return statement('dma_mapped', [range(step)], { body, ...negated });
    case 'will-pin':
      return statement('iov_iter_extract_will_pin', [words('p')], { body, ...negated });
  }
}

function statementsOf(step: DriverStep, index: number): Statement[] {
  switch (step.op) {
    case 'acquire': {
      const start: Argument = step.page
        ? { kind: 'array', name: 'p', offset: step.page, at: NOWHERE }
        : words('p');
      const args = [
        start,
        number(step.nr),
        flagArgument(step.flags),
        words(step.nullPages === true ? 'NULL' : arrayName(step.set)),
      ];
      const target = `n${index}`;
      const times = step.times === undefined ? {} : { times: step.times };
      const call = statement(step.api, args, { target, ...times });
      if (step.expect === undefined) return [call];
      return [
        call,
        statement('assume', [{ kind: 'comparison', name: target, value: step.expect, at: NOWHERE }]),
      ];
    }
    case 'access':
      return [statement(step.mode, [range(step)])];
    case 'dma-map':
      return [
        statement('dma_map', [range(step), words(`DMA_${step.direction.toUpperCase().replace('-', '_')}`)]),
      ];
    case 'dma-unmap':
      return [statement('dma_unmap', [range(step)])];
    case 'dirty':
      return [statement(step.locked ? 'set_page_dirty_lock' : 'set_page_dirty', [range(step)])];
    case 'release': {
      const dirty = step.makeDirty === undefined ? [] : [words(String(step.makeDirty))];
      return [statement(step.api, [base(step), number(step.count), ...dirty])];
    }
    case 'mmap-lock':
      return [statement('mmap_read_lock', [words('mm')])];
    case 'mmap-unlock':
      return [statement('mmap_read_unlock', [words('mm')])];
    case 'later':
      return [statement('return_to_user', [])];
    case 'return':
    case 'if':
      return [];
    case 'notifier-insert':
      return [statement('mmu_interval_notifier_insert', [words('notifier'), words('mm'), words('p')])];
    case 'notifier-remove':
      return [statement('mmu_interval_notifier_remove', [words('notifier')])];
    case 'read-begin':
      return [statement('mmu_interval_read_begin', [words('notifier')], { target: 'seq' })];
    case 'set-seq':
      return [statement('mmu_interval_set_seq', [words('notifier'), words('cur_seq')])];
    case 'driver-lock':
      return [statement('mutex_lock', [words('lock')])];
    case 'driver-unlock':
      return [statement('mutex_unlock', [words('lock')])];
    case 'hmm-fault': {
      const start: Argument = step.page
        ? { kind: 'array', name: 'p', offset: step.page, at: NOWHERE }
        : words('p');
      const wanted = words(step.write ? 'HMM_PFN_REQ_WRITE' : 'HMM_PFN_REQ_FAULT');
      return [statement('hmm_range_fault', [start, number(step.nr), wanted, words(arrayName(step.set))])];
    }
    case 'goto':
      return [statement('goto', [words(labelOf(step.to))])];
    case 'bio-release':
      return [
        statement('bio_release_pages', [base(step), number(step.count), words(String(step.makeDirty))]),
      ];
  }
}

function sectionsOf(kind: ActorKind, child: string, slow: boolean): Section[] {
  const section = (role: Section['role'], task: string | undefined, ...statements: Statement[]): Section => ({
    comments: [],
    role,
    statements,
    at: NOWHERE,
    ...(task === undefined ? {} : { task }),
  });
  const fork = statement('fork', [words(child)]);
  const p = words('p');
  switch (kind) {
    case 'fork-parent-write':
      return [section('task', 'A', fork, statement('store', [p]))];
    case 'fork-child-write':
      return [section('task', 'A', fork), section('task', child, statement('store', [p]))];
    case 'store':
    case 'munmap':
      return [section('task', 'A', statement(kind, [p]))];
    case 'truncate':
      return [section('task', 'A', statement('truncate', [words('file')]))];
    case 'exit':
      return [section('task', 'A', statement('exit', []))];
    case 'writeback':
      if (slow)
        return [
          section('kernel', undefined, statement('writeback_start', []), statement('writeback_end', [])),
        ];
      return [section('kernel', undefined, statement(kind, []))];
    case 'reclaim':
    case 'ksm':
      return [section('kernel', undefined, statement(kind, []))];
    case 'migrate':
      return [section('kernel', undefined, statement('migrate_pages', []))];
  }
}
