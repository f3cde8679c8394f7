/** What the rules about long-term pins share: who decides how long the pages are held (document, CASE 1 and CASE 2). */
import type { ReachedFrom } from '../../flow/facts/entries.ts';
import type { FunctionFlow } from '../../flow/file.ts';
import type { HoldObservation } from '../../flow/held/observation.ts';
import { completesByName, endsByName } from '../../flow/kernel/entries.ts';
import type { WitnessStep } from '../../flow/state/witness.ts';
import type { Certainty } from '../finding.ts';
import { firstPerKey } from './findings.ts';

export function holds(flow: FunctionFlow): HoldObservation[] {
  return flow.observations.filter((o) => o.what === 'hold');
}

/**
 * How sure it is that userspace decides: the pages go when something is closed, unmapped or unregistered, and at no other
 * time. Pages that are charged to the user's limit on locked memory are meant to stay. Undefined where the end of some I/O
 * releases them, or where the file does not show who does.
 */
export function userspaceDecides(o: HoldObservation): Certainty | undefined {
  const roles = new Set(o.by.map((r) => r.role));
  if (roles.has('notifier')) return undefined;
  // What is charged may be released by a work item: the last reference goes whenever it goes.
  if (o.by.some(isCompletion)) return o.charged === undefined ? undefined : 'possible';
  if (!decidingRoles(o)) return o.charged === undefined ? undefined : 'likely';
  // A callee that was told about the pages may let them go.
  const isSure = o.entryKnown && !roles.has('exported') && o.set.escaped === undefined;
  return isSure ? 'certain' : 'likely';
}

/** The end of some I/O; one that other files tell of, by its name. */
function isCompletion(r: ReachedFrom): boolean {
  return r.role === 'completion' || (r.role === 'exported' && completesByName(r.entry));
}

function isUserspace(r: ReachedFrom): boolean {
  if (r.role === 'exported') return endsByName(r.entry);
  return r.role === 'close' || r.role === 'remove' || r.role === 'release-call';
}

/** Why it is userspace that decides, as a clause about pages; `released` is the word for giving them back. */
export function lasting(o: HoldObservation, released: 'released' | 'dropped'): string {
  if (decidingRoles(o))
    return `are still held when ${o.entry}() returns, and ${released} by ${releasedBy(o)}`;
  const charged = o.charged === o.entry ? 'charges' : `has ${o.charged}() charge`;
  return `are still held when ${o.entry}() returns, which ${charged} them to their user's limit on locked memory`;
}

/** The entry points that release the pages show it. */
function decidingRoles(o: HoldObservation): boolean {
  return o.by.every((r) => r.role !== 'unknown' && !isCompletion(r)) && o.by.some(isUserspace);
}

/** The entry points that release the pages, for a message: at most two. */
function releasedBy(o: HoldObservation): string {
  // Users close and unmap; a call that undoes something may be cleaning up after itself, and that the device goes is rare.
  const decisive = [
    ...o.by.filter((r) => r.role === 'close'),
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
  const by = deciding.find((r) => !exported.has(r.entry)) ?? deciding[0] ?? o.by[0];
  if (by === undefined) return { step: { op: 'later' }, range: o.set.call, text: `after ${o.entry}()` };
  return { step: { op: 'later' }, range: by.range, text: `${by.entry}()`, within: by.entry };
}
