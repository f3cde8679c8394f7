/** What each kind of actor can do in a scenario, known before anything runs. */
import type { ActorKind, Scenario } from '../protocol/scenario.ts';

/** Steps that an actor takes in this scenario, one after another; 0 where it has nothing to do at all. */
export function actorSteps(scenario: Scenario, kind: ActorKind, fileBacked: boolean): number {
  if (!applies(scenario, kind, fileBacked)) return 0;
  // Slow writeback starts, and ends.
  if (kind === 'writeback') return scenario.slowWriteback === true ? 2 : 1;
  return kind === 'fork-parent-write' || kind === 'fork-child-write' ? 2 : 1;
}

function applies({ memory }: Scenario, kind: ActorKind, fileBacked: boolean): boolean {
  switch (kind) {
    case 'writeback':
      return fileBacked && memory.kind !== 'shmem';
    case 'truncate':
      return fileBacked;
    case 'store':
    case 'fork-parent-write':
    case 'fork-child-write':
      return memory.writable && memory.mapped > 0;
    case 'ksm':
      return memory.kind === 'anon';
    case 'reclaim':
    case 'migrate':
    case 'munmap':
    case 'exit':
      return memory.mapped > 0;
  }
}
