/** A release took a reference or pin that belongs to somebody else. */
import { FRAME, GUP_PIN_COUNTING_BIAS, PG, ZERO_FRAME } from '../../model/constants.ts';
import { mmReferences } from '../../model/folio.ts';
import { SLOT, slotFrame, X } from '../layout.ts';
import type { Program } from '../program.ts';
import { property } from './property.ts';

interface Theft {
  readonly head: number;
  readonly missing: number;
  readonly pincount: boolean;
}

function findTheft(p: Program): Theft | null {
  const m = p.machine;
  for (let f = 0; f < m.frames; f++) {
    const flags = m.flags(f);
    if ((flags & PG.tail) !== 0) continue;
    let refs = 0;
    let pins = 0;
    const large = m.order(f) > 0;
    for (let i = 0; i < p.slotCount; i++) {
      const word = p.x(X.SLOTS + i);
      if ((word & SLOT.HELD) === 0 || m.head(slotFrame(word)) !== f) continue;
      if ((word & SLOT.PIN) === 0) refs += 1;
      else if (f !== ZERO_FRAME) {
        refs += large ? 1 : GUP_PIN_COUNTING_BIAS;
        pins += large ? 1 : 0;
      }
    }
    if (m.ref(f) === 0 && flags === 0 && refs === 0) continue;
    const missing = mmReferences(m, f) + refs - counted(m.ref(f));
    if (missing > 0) return { head: f, missing, pincount: false };
    if (m.word(f, FRAME.PIN) < pins) return { head: f, missing: pins - m.word(f, FRAME.PIN), pincount: true };
  }
  return null;
}

/** References as taken: some 2^21 pins of one page overflow the count, which is no release too many. */
function counted(ref: number): number {
  return ref < -(2 ** 30) ? ref + 2 ** 32 : ref;
}

export const refcountUnderflow = property({
  name: 'refcount-underflow',
  when: 'step',
  broken: (p) => findTheft(p) !== null,
  about: (p, name) => ({ folio: name(findTheft(p)!.head) }),
  damage: (p, name) => {
    const { head, missing, pincount } = findTheft(p)!;
    if (pincount)
      return `the pincount of folio ${name(head)} is ${missing} too low: the next pin holds nothing`;
    const now = p.machine.ref(head);
    return `the reference count of folio ${name(head)} is ${now}, ${missing} below what its users hold: it is freed while in use`;
  },
});
