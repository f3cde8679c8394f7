/** Events of a path, as the interpreter records them, and the witness that a rule makes of them. */
import type { DriverStep } from '#engine/protocol/steps.ts';
import type { Range } from '../../syntax/range.ts';
import type { PageSet } from './state.ts';
import type { AssumedGuard, Witness, WitnessStep } from './witness.ts';

/** One protocol step of a path. `set` names the page set that it touches; undefined for contexts. */
export interface ProtocolEvent {
  readonly set: string | undefined;
  readonly step: DriverStep;
  readonly range: Range;
  readonly text: string;
  readonly within: string;
  /** Of an acquire: what it gave. */
  readonly acquired?: PageSet;
}

/** A path's history, newest first; not part of a state's identity. */
export interface PathLink {
  readonly previous: PathLink | undefined;
  readonly event: ProtocolEvent | AssumedGuard;
}

/** The last acquire on a path. */
export function lastAcquire(path: PathLink | undefined): PageSet | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.acquired !== undefined) return event.acquired;
  }
  return undefined;
}

/** What a path has last assumed of the value with an identity; undefined where it was never asked for. */
export function assumedOf(path: PathLink | undefined, key: string): boolean | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event && event.key === key) return event.holds;
  }
  return undefined;
}

/**
 * The events of a path that concern one page set, from its acquire on, oldest first, and the guards that
 * the path assumed since.
 */
export function witnessOf(path: PathLink | undefined, set: string, own: string): Witness {
  const steps: WitnessStep[] = [];
  const assumed: AssumedGuard[] = [];
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if (!('step' in event)) {
      assumed.push({ range: event.range, text: event.text, holds: event.holds });
      continue;
    }
    if (event.set !== undefined && event.set !== set) continue;
    const place = event.within === own ? {} : { within: event.within };
    steps.push({ step: event.step, range: event.range, text: event.text, ...place });
    // A loop acquires again under the same name: what came before the last acquire is another round.
    if (event.step.op === 'acquire') break;
  }
  return { steps: steps.reverse(), assumed: assumed.reverse() };
}
