/** The driver or its device reads data that the process has already replaced. */
import { mappedFrame } from '../content.ts';
import { property } from './property.ts';

export const staleRead = property({
  name: 'stale-read',
  when: 'step',
  broken: (p) => p.events.staleRead >= 0,
  about: (p, name) => {
    const page = p.events.staleRead;
    const mapped = mappedFrame(p.machine, 0, p.memory.origin + page);
    return { page, ...(mapped < 0 ? {} : { mapped: name(mapped) }) };
  },
  damage: (p) =>
    `old data is read for page ${p.events.staleRead}: the process has stored something newer, in a page that the driver does not hold`,
});
