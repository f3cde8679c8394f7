/** What the rules about long-term pins share: who decides how long the pages are held (document, CASE 1 and CASE 2). */
import type { ReachedFrom } from '../flow/entries.ts';
import type { FunctionFlow } from '../flow/file.ts';
import type { WitnessStep } from '../flow/witness.ts';
import type { HoldObservation } from '../flow/world.ts';
import { firstPerKey } from './common.ts';
import type { Certainty } from './finding.ts';

export function holds(flow: FunctionFlow): HoldObservation[] {
  return flow.observations.filter((o) => o.what === 'hold');
}

/**
 * How sure it is that userspace decides: the pages go when something is closed, unmapped or unregistered, and at no other
 * time. Undefined where the end of some I/O releases them, or where the file does not show who does.
 */
export function userspaceDecides(o: HoldObservation): Certainty | undefined {
  const roles = new Set(o.by.map((r) => r.role));
  if (roles.has('completion') || roles.has('notifier') || roles.has('unknown')) return undefined;
  if (!o.by.some(isUserspace)) return undefined;
  // A callee that was told about the pages may let them go.
  const isSure = o.entryKnown && !roles.has('exported') && o.set.escaped === undefined;
  return isSure ? 'certain' : 'likely';
}

function isUserspace(r: ReachedFrom): boolean {
  return r.role === 'close' || r.role === 'remove' || r.role === 'release-call';
}

/** The entry points that release the pages, for a message: at most two. */
export function releasedBy(o: HoldObservation): string {
  // Users close and unmap; that the device goes is rare.
  const decisive = [
    ...o.by.filter((r) => isUserspace(r) && r.role !== 'remove'),
    ...o.by.filter(isUserspace),
  ];
  const names = firstPerKey(decisive.length > 0 ? decisive : o.by, (r) => r.entry).map((r) => `${r.entry}()`);
  const more = names.length > 2 ? ' and others' : '';
  return `${names.slice(0, 2).join(names.length === 2 ? ' and ' : ', ')}${more}`;
}

/**
 * The time until userspace has the pages released: a step of the path, at the entry point that does it. One that nobody
 * else may call comes first.
 */
export function laterStep(o: HoldObservation): WitnessStep {
  const exported = new Set(o.by.filter((r) => r.role === 'exported').map((r) => r.entry));
  const deciding = o.by.filter(isUserspace);
  const by = deciding.find((r) => !exported.has(r.entry)) ?? deciding[0] ?? o.by[0]!;
  return { step: { op: 'later' }, range: by.range, text: `${by.entry}()`, within: by.entry };
}
