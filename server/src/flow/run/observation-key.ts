/** When two observations are one. */
import type { Call } from '../lower/ir.ts';
import { deviceKey } from '../state/device-use.ts';
import type { RunObservation } from './observation.ts';

/** Whether an observation is of one of the page sets. */
export function concerns(o: RunObservation, sets: ReadonlySet<string>): boolean {
  return 'set' in o && sets.has(o.set.id);
}

/** Observations with one key say the same: the first, on the shortest path, is kept. */
export function observationKey(o: RunObservation): string {
  const place = `${o.what}|${o.within}`;
  const at = (call: Call): string => `${call.start}#${call.site}`;
  switch (o.what) {
    case 'acquire':
      return `${place}|${at(o.call)}|${o.flags.key}|${o.nullPages}`;
    case 'release':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.set.kind}|${o.set.written}|${o.set.underLock}|${o.set.slots.join()}|${o.slot}|${o.set.flags.key}|${o.set.dirtied}|${o.makeDirty}|${o.set.guessed}|${o.set.iterator}|${o.set.escaped !== undefined}|${deviceKey(o.set.device)}`;
    case 'unfilled':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.slot}|${o.count}|${o.set.result}`;
    case 'unfilled-use':
      return `${place}|${at(o.call)}|${at(o.set.call)}`;
    case 'sign':
      return `${place}|${o.range.start}|${at(o.set.call)}`;
    case 'access':
      return `${place}|${o.mode}|${o.range.start}|${at(o.set.call)}|${o.set.flags.key}|${o.set.slots.join()}|${o.slot}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'dirty':
      return `${place}|${at(o.call)}|${at(o.set.call)}|${o.set.flags.key}|${o.set.slots.join()}|${o.slot}|${o.set.written}|${o.set.pageLocked}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'device':
      return `${place}|${o.event}|${at(o.call)}|${at(o.set.call)}|${o.set.slots.join()}|${deviceKey(o.set.device)}|${o.slot}|${o.set.flags.key}|${o.set.guessed}|${o.set.escaped !== undefined}`;
    case 'exit':
      return `${place}|${o.range.start}|${at(o.set.call)}|${o.set.slots.join()}|${o.set.result}|${o.owner}|${o.set.written}|${o.set.escaped !== undefined}|${o.returns?.t === 'int' ? o.returns.n : ''}`;
  }
}
