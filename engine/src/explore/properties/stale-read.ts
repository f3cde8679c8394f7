/** The driver or its device reads data that the process has already replaced. */
import type { Property } from './property.ts';

export const staleRead: Property = {
  name: 'stale-read',
  when: 'step',
  broken: (p) => p.events.staleRead >= 0,
  damage: (p) =>
    `old data is read for page ${p.events.staleRead}: the process has stored something newer, in a page that the driver does not hold`,
};
