/** What the kernel itself complains about, and uses of pages that the driver does not hold. */
import { GLOBAL, REFUSED_WARNS, WARN } from '../../model/constants.ts';
import type { Program } from '../program.ts';
import { property } from './property.ts';

function warned(p: Program): number {
  return p.machine.state[GLOBAL.WARNED]!;
}

function texts(mask: number): string {
  return Object.values(WARN)
    .filter((w) => (mask & w.bit) !== 0)
    .map((w) => w.text)
    .join('; ');
}

/** The kernel refuses the call's arguments, and warns. */
export const refusedArguments = property({
  name: 'refused-arguments',
  when: 'step',
  broken: (p) => (warned(p) & REFUSED_WARNS) !== 0,
  damage: (p) => `the kernel refuses the call and warns (${texts(warned(p) & REFUSED_WARNS)})`,
});

/** The kernel prints any other WARNING or BUG. */
export const kernelWarning = property({
  name: 'kernel-warning',
  when: 'step',
  broken: (p) => (warned(p) & ~REFUSED_WARNS) !== 0,
  damage: (p) => `the kernel prints: ${texts(warned(p) & ~REFUSED_WARNS)}`,
});

/** The driver or its device touches a page after the driver gave it back. */
export const useAfterRelease = property({
  name: 'use-after-release',
  when: 'step',
  broken: (p) => p.events.released >= 0,
  damage: () => 'the page is used after its release: it may belong to somebody else by then',
});

/** The driver uses an array entry that no call ever filled. */
export const unfilledSlot = property({
  name: 'unfilled-slot',
  when: 'step',
  broken: (p) => p.events.unfilled >= 0,
  damage: (p) => `pages[${p.events.unfilled}] was never filled: the call returned fewer pages`,
});

/** Memory that must stay movable is held for as long as userspace likes, by a hold without FOLL_LONGTERM. */
export const blockedMigration = property({
  name: 'blocked-migration',
  when: 'step',
  broken: (p) => p.events.blocked >= 0,
  about: (p, name) => ({ folio: name(p.events.blocked) }),
  damage: (p, name) =>
    `folio ${name(p.events.blocked)} in ${['normal', 'movable', 'CMA', 'DAX'][p.machine.zone(p.events.blocked)]} memory can't be moved for as long as userspace likes: FOLL_LONGTERM would have moved it out first, or refused`,
});

/** A note: the file system learns of the new data only by the dirtying, never through page_mkwrite(). */
export const dirtiedBehindFilesystem = property({
  name: 'dirtied-behind-filesystem',
  when: 'step',
  broken: (p) => p.events.behind >= 0,
  damage: (p, name) =>
    `folio ${name(p.events.behind)} is dirtied without page_mkwrite(): the file system had cleaned and write-protected it meanwhile`,
});
