/** The canonical text of a scenario: the key under which verdicts are remembered. */
import type { Scenario } from './scenario.ts';
import type { DriverStep } from './steps.ts';

/**
 * A text that two scenarios share exactly when they run alike: step ids and the order of the actors are left out, page
 * sets are numbered in order of use, and what has a default is spelled out.
 */
export function canonicalText(scenario: Scenario): string {
  const { memory } = scenario;
  const sets = new Map<number, number>();
  const setOf = (set: number): number => {
    let n = sets.get(set);
    if (n === undefined) {
      n = sets.size;
      sets.set(set, n);
    }
    return n;
  };
  const buffer = [
    memory.kind,
    memory.pages,
    memory.mapped,
    memory.writable ? 'rw' : 'ro',
    memory.zone ?? 'normal',
  ];
  if (memory.killed === true) buffer.push('killed');
  if (memory.stable === true) buffer.push('stable');
  const lines = [buffer.join(' ')];
  for (const [name, steps] of [
    ['', scenario.driver],
    ['second', scenario.second],
    ['callback', scenario.callback],
  ] as const) {
    if (steps === undefined) continue;
    if (name !== '') lines.push(name);
    lines.push(...steps.map((step) => stepText(step, setOf)));
  }
  const actors = [...scenario.actors].sort().join(',');
  return [...lines, scenario.slowWriteback === true ? `${actors} slow` : actors].join('\n');
}

function stepText(step: DriverStep, setOf: (set: number) => number): string {
  switch (step.op) {
    case 'acquire':
      return [
        step.api,
        step.flags,
        step.nr,
        setOf(step.set),
        step.page ?? 0,
        step.nullPages === true ? 'null' : 'array',
        step.expect ?? '?',
        step.times ?? 1,
      ].join(' ');
    case 'access':
      return [step.mode, setOf(step.set), step.from, step.count].join(' ');
    case 'dma-map':
      return ['map', setOf(step.set), step.from, step.count, step.direction].join(' ');
    case 'dma-unmap':
      return ['unmap', setOf(step.set), step.from, step.count].join(' ');
    case 'dirty':
      return [step.locked ? 'dirty-lock' : 'dirty', setOf(step.set), step.from, step.count].join(' ');
    case 'release':
      return [
        step.api,
        setOf(step.set),
        step.from,
        step.count,
        step.makeDirty === true ? 'dirty' : 'clean',
      ].join(' ');
    case 'hmm-fault':
      return [step.op, setOf(step.set), step.nr, step.page ?? 0, step.write ? 'write' : 'read'].join(' ');
    case 'if': {
      const slots = step.condition === 'dma-mapped' ? [setOf(step.set), step.from, step.count] : [];
      return [step.negated === true ? 'unless' : 'if', step.condition, ...slots, step.body].join(' ');
    }
    case 'goto':
      return `goto ${step.to}`;
    case 'bio-release':
      return [step.op, setOf(step.set), step.from, step.count, step.makeDirty ? 'dirty' : 'clean'].join(' ');
    case 'mmap-lock':
    case 'mmap-unlock':
    case 'later':
    case 'return':
    case 'notifier-insert':
    case 'notifier-remove':
    case 'read-begin':
    case 'set-seq':
    case 'driver-lock':
    case 'driver-unlock':
      return step.op;
  }
}
