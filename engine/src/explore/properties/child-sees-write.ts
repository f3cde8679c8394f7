/** A write of the driver becomes visible to somebody who does not share the buffer. */
import { FRAME, ZERO_FRAME } from '../../model/constants.ts';
import { isSharedMapping, seenContent } from '../content.ts';
import type { Program } from '../program.ts';
import { property } from './property.ts';

type Witness = 'child' | 'zero-page' | 'page-cache';

function findWitness(p: Program): { who: Witness; page: number } | null {
  const m = p.machine;
  if (m.word(ZERO_FRAME, FRAME.CONTENT) !== 0) return { who: 'zero-page', page: 0 };
  for (let proc = 1; proc < m.processes; proc++) {
    const after = p.writtenSinceFork(proc);
    if (after === 0) continue;
    for (let v = 0; v < m.vpages; v++) {
      if (isSharedMapping(m, proc, v)) continue;
      const seen = seenContent(m, proc, v);
      if (seen > 0 && (seen & after) !== 0) return { who: 'child', page: v - p.memory.origin };
    }
  }
  if (p.scenario.memory.kind !== 'file-private') return null;
  let written = 0;
  for (const site of p.writes.values()) written |= site.bit;
  for (let i = 0; i < m.filePages(0); i++) {
    const frame = m.cached(0, i);
    if (frame >= 0 && (m.word(frame, FRAME.CONTENT) & written) !== 0) return { who: 'page-cache', page: i };
  }
  return null;
}

export const childSeesWrite = property({
  name: 'child-sees-write',
  when: 'step',
  broken: (p) => findWitness(p) !== null,
  about: (p) => {
    const { who, page } = findWitness(p)!;
    return { seenBy: who, page };
  },
  damage: (p) => {
    const { who, page } = findWitness(p)!;
    if (who === 'zero-page') return 'the bytes land in the zero page, which every process maps';
    if (who === 'page-cache')
      return `the bytes for page ${page} land in the page cache of a file that is mapped privately`;
    return `the child sees what the driver writes to page ${page} after the fork`;
  },
});
