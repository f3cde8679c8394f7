/** The damage of a counterexample in the user's terms: which line, which folio, who does not see what. */
import type { Scenario } from '#engine/protocol/scenario.ts';
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Counterexample, TraceStep } from '#engine/protocol/trace.ts';
import { resultText } from './words.ts';

/** `line 26` for a driver step of the scenario; undefined where no source belongs to it. */
export type PlaceOf = (driverStep: number) => string | undefined;

/** One sentence without its full stop. Falls back to the engine's own words, which know no lines. */
export function damageInWords(scenario: Scenario, counterexample: Counterexample, placeOf: PlaceOf): string {
  const { violation, trace } = counterexample;
  const { about, damage } = violation;
  const { driver } = scenario;
  const where = (step: number | undefined) => (step === undefined ? undefined : placeOf(step));
  const last = trace.findLast((s) => s.driverStep !== undefined)?.driverStep;
  const at = where(last);
  const taken = where(indexOf(driver, 'acquire'));
  const released = where(driver.findLastIndex((s) => s.op === 'release'));
  const page = scenario.memory.pages > 1 && about.page !== undefined ? ` for page ${about.page}` : '';
  switch (violation.property) {
    case 'lost-write': {
      const written = where(about.driverStep);
      const into = pagesOfDevice(written, taken);
      if (about.folio === undefined || (about.device === true ? into : written) === undefined) return damage;
      const bytes =
        about.device === true
          ? `bytes that the device writes${page} into ${into}`
          : `bytes written${page} at ${written}`;
      const who = about.device === true ? 'device' : 'driver';
      if (about.inFile === true)
        return `${bytes} never reach the file: folio ${about.folio} counts as clean, so the kernel may drop it, and the backing store still holds the old data`;
      return `${bytes} never reach the process: ${mapsNow(about)}, the ${who} wrote folio ${about.folio}`;
    }
    case 'stale-read': {
      const newer = `the process has stored something newer${about.mapped === undefined ? '' : ` in folio ${about.mapped}`}, which the driver does not hold`;
      if (trace.at(-1)?.actor === 'device') {
        const from = pagesOfDevice(where(indexOf(driver, 'dma-map')), taken);
        return from === undefined ? damage : `the device reads old data${page} from ${from}: ${newer}`;
      }
      return at === undefined ? damage : `${at} reads old data${page}: ${newer}`;
    }
    case 'child-sees-write': {
      const written = where(lastWrite(driver, trace));
      if (written === undefined) return damage;
      if (about.seenBy === 'zero-page')
        return `bytes written at ${written} land in the zero page, which every process maps`;
      if (about.seenBy === 'page-cache')
        return `bytes written${page} at ${written} land in the page cache of a file that is mapped privately: everybody who reads the file sees them`;
      return `a child that was forked before sees the bytes written${page} at ${written}, which are its parent's`;
    }
    case 'unbalanced-references': {
      if (taken === undefined) return damage;
      if (released === undefined) return `what ${taken} takes is never given back: ${damage}`;
      return `what ${taken} takes is not what ${released} gives back: ${damage}`;
    }
    case 'refcount-underflow':
      return at === undefined ? damage : `${at} gives back what the driver does not hold: ${damage}`;
    case 'kernel-warning':
      return at === undefined ? damage : `at ${at} ${damage}`;
    case 'use-after-release': {
      const gone = released === undefined ? 'that was released' : `that ${released} released`;
      const tail = 'it may belong to somebody else by then';
      if (trace.at(-1)?.actor === 'device') {
        const reached = pagesOfDevice(where(indexOf(driver, 'dma-map')), taken);
        return `the device still reaches a page ${gone}${reached === undefined ? '' : `, one of ${reached}`}: ${tail}`;
      }
      return at === undefined ? damage : `${at} uses a page ${gone}: ${tail}`;
    }
    case 'unfilled-slot':
      return at === undefined ? damage : `${at} uses an entry of the array that was never filled: ${damage}`;
    case 'blocked-migration':
      return taken === undefined ? damage : `held since ${taken}: ${damage}`;
    case 'refused-arguments': {
      const call = trace.at(-1);
      if (at === undefined || call?.ret === undefined) return damage;
      return `the call at ${at} takes no page and returns ${resultText(call.ret)}: ${damage}`;
    }
    case 'dirtied-behind-filesystem':
      return at === undefined ? damage : `at ${at} ${damage}`;
  }
}

function indexOf(driver: readonly DriverStep[], op: DriverStep['op']): number | undefined {
  const index = driver.findIndex((s) => s.op === op);
  return index < 0 ? undefined : index;
}

/** Pages that a device has: given to it at a place or, where that is not in the source, taken at one. */
function pagesOfDevice(given: string | undefined, taken: string | undefined): string | undefined {
  if (given !== undefined) return `the pages given to it at ${given}`;
  return taken === undefined ? undefined : `the pages taken at ${taken}`;
}

function mapsNow({ mapped, folio }: { readonly mapped?: string; readonly folio?: string }): string {
  if (mapped === undefined || mapped === folio) return 'it maps no page there any more';
  return `it now maps folio ${mapped}`;
}

/** The driver's last write, or the device's mapping, in the order of the trace. */
function lastWrite(driver: readonly DriverStep[], trace: readonly TraceStep[]): number | undefined {
  if (trace.at(-1)?.actor === 'device') return indexOf(driver, 'dma-map');
  return trace.findLast(({ driverStep }) => {
    const step = driverStep === undefined ? undefined : driver[driverStep];
    return step?.op === 'access' && step.mode === 'write';
  })?.driverStep;
}
