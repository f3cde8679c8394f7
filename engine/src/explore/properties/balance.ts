/** References and pins that the driver took must be gone when it is done. */
import { FRAME, PG } from '../../model/constants.ts';
import { extraReferences } from '../../model/folio.ts';
import { SLOT, slotFrame, X } from '../layout.ts';
import type { Program } from '../program.ts';
import { property } from './property.ts';

interface Imbalance {
  readonly head: number;
  readonly refs: number;
  readonly pins: number;
}

function findImbalance(p: Program): Imbalance | null {
  const m = p.machine;
  for (let f = 0; f < m.frames; f++) {
    const flags = m.flags(f);
    if ((flags & (PG.tail | PG.bad)) !== 0 || (m.ref(f) === 0 && flags === 0)) continue;
    const refs = extraReferences(m, f);
    const pins = m.word(f, FRAME.PIN);
    if (refs !== 0 || pins !== 0) return { head: f, refs, pins };
  }
  return null;
}

/** Pages that the driver never released, by its own account. */
function heldSlots(p: Program): number {
  let held = 0;
  for (let i = 0; i < p.slotCount; i++) {
    const word = p.x(X.SLOTS + i);
    if ((word & SLOT.HELD) !== 0 && slotFrame(word) >= 0) held++;
  }
  return held;
}

export const unbalancedReferences = property({
  name: 'unbalanced-references',
  when: 'end',
  broken: (p) => findImbalance(p) !== null || p.machine.acquired !== p.machine.released,
  about: (p, name) => {
    const found = findImbalance(p);
    return found === null ? {} : { folio: name(found.head) };
  },
  damage: (p, name) => {
    const { acquired, released } = p.machine;
    const found = findImbalance(p);
    const counters =
      acquired === released
        ? ''
        : `; nr_foll_pin_acquired is ${acquired}, nr_foll_pin_released is ${released}`;
    if (found === null) return `pins are not accounted for${counters}`;
    const held = heldSlots(p);
    const folio = `folio ${name(found.head)}`;
    if (held > 0 && found.refs > 0)
      return `${held === 1 ? '1 page is' : `${held} pages are`} never released: ${folio} keeps ${count(found.refs)} too many and can't be freed${counters}`;
    if (found.refs === 0)
      return `${folio} keeps a pincount of ${found.pins} that nobody will drop${counters}`;
    return `${folio} is left with ${count(Math.abs(found.refs))} too ${found.refs > 0 ? 'many' : 'few'}${counters}`;
  },
});

function count(refs: number): string {
  return refs === 1 ? '1 reference' : `${refs} references`;
}
