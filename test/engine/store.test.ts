/** The packed store of visited states, against one that keeps every state as text. */
import { describe, expect, it } from 'vitest';
import { exploreFully } from '#engine/explore/explore.ts';
import { Program } from '#engine/explore/program.ts';
import { StateStore } from '#engine/explore/store.ts';
import { chosen, finished, run, transitionCount } from '#engine/explore/transitions.ts';
import { LOG_SIZE } from '#engine/model/constants.ts';
import { createMachine, type Machine } from '#engine/model/machine.ts';
import type { MemoryKind, Scenario } from '#engine/protocol/scenario.ts';
import { dirty, get, memory, pin, put, scenario, unpinDirty, write } from './steps.ts';

/** A store of texts with the interface of StateStore, as far as the tests go. */
class TextStore {
  readonly states: Int32Array[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
    this.add();
  }

  add(): number {
    const text = this.machine.words.join();
    const known = this.numbers.get(text);
    if (known !== undefined) return ~known;
    this.numbers.set(text, this.states.length);
    return this.states.push(this.machine.words.slice()) - 1;
  }
}

/** Numbers that look random, the same in every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('a store of states', () => {
  const profiles = [
    { says: 'few values a word', words: 12, values: 3, writes: 4, rounds: 4000 },
    { says: 'more values than a byte counts', words: 3, values: 1000, writes: 2, rounds: 6000 },
    { says: 'some of both', words: 8, values: 300, writes: 3, rounds: 12_000 },
    {
      says: 'more words than the machine had changed so far',
      words: 300,
      values: 2,
      writes: 2,
      rounds: 6000,
    },
    { says: 'more writes than the log holds', words: 40, values: 5, writes: LOG_SIZE + 7, rounds: 40 },
  ];
  it.each(profiles)('numbers states and gives them back: $says', ({ words, values, writes, rounds }) => {
    const machine = createMachine({ frames: 1, vpages: 1, extra: words });
    const texts = new TextStore(machine);
    const store = new StateStore(machine);
    const random = sequence(words);
    const differences: string[] = [];
    /** expect() would take most of the time, called so often. */
    const compare = (what: string, found: unknown, expected: unknown): void => {
      if (found !== expected) differences.push(`${what}: ${found} instead of ${expected}`);
    };
    for (let round = 0; round < rounds; round++) {
      const from = random(store.count);
      store.load(from);
      compare('loaded', machine.words.join(), texts.states[from]!.join());
      // Words come into use one after another, so that rows become wider in the middle.
      const inUse = 1 + Math.floor((words * round) / rounds);
      for (let i = 0; i < writes; i++) machine.set(machine.extraBase + random(inUse), random(values) - 1);
      const expected = texts.add();
      compare('added', store.add(), expected);
      compare('count', store.count, texts.states.length);
      compare('restored', machine.words.join(), texts.states[from]!.join());
    }
    for (const [index, state] of texts.states.entries()) {
      store.load(index);
      machine.set(machine.extraBase, -7);
      store.undo();
      compare('undone', machine.words.join(), state.join());
    }
    expect(differences).toEqual([]);
    expect(store.count).toBeGreaterThan(20);
  });
});

const KINDS: readonly MemoryKind[] = [
  'anon',
  'thp',
  'hugetlb',
  'file',
  'file-private',
  'shmem',
  'fsdax',
  'zero',
];

const scenarios: readonly (readonly [string, Scenario])[] = KINDS.flatMap((kind) => [
  [
    `${kind}, pinned`,
    scenario(memory(kind), [pin(), write(), unpinDirty()], 'fork-parent-write', 'reclaim', 'munmap'),
  ],
  [
    `${kind}, referenced`,
    scenario(memory(kind), [get(), write(), dirty(), put()], 'writeback', 'migrate', 'store'),
  ],
]);

describe('explore() visits what a search over whole states visits', () => {
  it.each(scenarios)('%s', (_name, on) => {
    const p = new Program(on);
    const texts = new TextStore(p.machine);
    const ways = new Int32Array(transitionCount(p));
    const paths = [1];
    let transitions = 0;
    let executions = 0;
    for (let index = 0; index < texts.states.length; index++) {
      const state = texts.states[index]!;
      p.machine.words.set(state);
      if (finished(p)) {
        executions += paths[index]!;
        continue;
      }
      const count = chosen(p, ways, false);
      for (let way = 0; way < count; way++) {
        p.machine.words.set(state);
        transitions++;
        if (!run(p, ways[way]!)) continue;
        const added = texts.add();
        if (added < 0) paths[~added]! += paths[index]!;
        else paths.push(paths[index]!);
      }
    }
    expect(texts.states.length).toBeGreaterThan(10);
    const found = exploreFully(on, { reduction: false });
    expect(found.states).toBe(texts.states.length);
    expect(found.transitions).toBe(transitions);
    expect(found.executions).toBe(executions);
  });
});
