/** Bytes that the driver or its device wrote never reach the process, or never reach its file. */
import { DISCARDED, durableContent, mappedFrame, seenContent } from '../content.ts';
import { slotFrame, X } from '../layout.ts';
import type { Program } from '../program.ts';
import { driverStepOf, property } from './property.ts';

interface Loss {
  /** Index of the step that wrote, in all of the program's steps. */
  readonly step: number;
  readonly page: number;
  readonly frame: number;
  readonly device: boolean;
  readonly vpage: number;
}

function findLoss(p: Program): Loss | null {
  const { kind } = p.scenario.memory;
  const shared = kind === 'file' || kind === 'shmem' || kind === 'fsdax';
  for (const [index, site] of p.writes) {
    const step = p.steps[index]!;
    const device = step.op === 'dma-map';
    if (device && (p.x(X.DEVICE) & (1 << p.dmaSteps.indexOf(index))) === 0) continue;
    for (let i = site.slots.from; i < site.slots.from + site.slots.count; i++) {
      const vpage = p.slotVpage(site.slots.set, i);
      const page = vpage - p.memory.origin;
      const kept = durableContent(p.machine, 0, vpage, shared, page);
      if (kept === DISCARDED || (kept & site.bit) !== 0) continue;
      return { step: index, page, frame: slotFrame(p.slot(site.slots.set, i)), device, vpage };
    }
  }
  return null;
}

/** Whether the process sees the bytes, but their file does not have them. */
function isInFile(p: Program, loss: Loss): boolean {
  const seen = seenContent(p.machine, 0, loss.vpage);
  const written = [...p.writes.values()].reduce((bits, w) => bits | w.bit, 0);
  return p.scenario.memory.kind.startsWith('file') && seen !== DISCARDED && (seen & written) !== 0;
}

export const lostWrite = property({
  name: 'lost-write',
  when: 'end',
  broken: (p) => findLoss(p) !== null,
  about: (p, name) => {
    const loss = findLoss(p)!;
    const mapped = mappedFrame(p.machine, 0, loss.vpage);
    return {
      ...driverStepOf(p, loss.step),
      device: loss.device,
      page: loss.page,
      inFile: isInFile(p, loss),
      ...(loss.frame < 0 ? {} : { folio: name(loss.frame) }),
      ...(mapped < 0 ? {} : { mapped: name(mapped) }),
    };
  },
  damage: (p, name) => {
    const loss = findLoss(p)!;
    const who = loss.device ? 'the device' : 'the driver';
    if (isInFile(p, loss))
      return `the bytes that ${who} wrote to page ${loss.page} never reach the file: the page counts as clean, so the kernel may drop it, and the backing store still holds the old data`;
    if (loss.frame < 0) return `the bytes that ${who} wrote to page ${loss.page} are lost`;
    const mapped = mappedFrame(p.machine, 0, loss.vpage);
    const instead = mapped < 0 ? '' : `: it maps folio ${name(mapped)} now`;
    return `the bytes that ${who} wrote to page ${loss.page} stay in folio ${name(loss.frame)} and never reach the process, which no longer maps it${instead}`;
  },
});
