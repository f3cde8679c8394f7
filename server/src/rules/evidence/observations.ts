/** What the runs of a function have seen, by kind; and the last event of a kind on a path. */
import type { ContextObservation } from '../../flow/context/observation.ts';
import type { CallObservation } from '../../flow/facts/observation.ts';
import type { FunctionFlow } from '../../flow/file.ts';
import type {
  AccessObservation,
  AcquireObservation,
  DirtyObservation,
  ExitObservation,
  ReleaseObservation,
} from '../../flow/run/observation.ts';
import type { PathLink, ProtocolEvent } from '../../flow/state/path.ts';
import type { PageSet } from '../../flow/state/state.ts';

export function acquires(flow: FunctionFlow): AcquireObservation[] {
  return flow.observations.filter((o) => o.what === 'acquire');
}

export function releases(flow: FunctionFlow): ReleaseObservation[] {
  return flow.observations.filter((o) => o.what === 'release');
}

export function exits(flow: FunctionFlow): ExitObservation[] {
  return flow.observations.filter((o) => o.what === 'exit');
}

export function accesses(flow: FunctionFlow): AccessObservation[] {
  return flow.observations.filter((o) => o.what === 'access');
}

export function dirtyings(flow: FunctionFlow): DirtyObservation[] {
  return flow.observations.filter((o) => o.what === 'dirty');
}

/** Calls around page pinning as the text has them, on whatever path; each has a name. */
export function callsByName(flow: FunctionFlow): CallObservation[] {
  return flow.observations.filter((o) => o.what === 'call');
}

/** Calls that may sleep or need a user's mm, with the context of each. */
export function contexts(flow: FunctionFlow): ContextObservation[] {
  return flow.observations.filter((o) => o.what === 'context');
}

/** The last access of a mode on a path, with its place. */
export function lastAccess(
  path: PathLink | undefined,
  set: string,
  mode: 'read' | 'write',
): ProtocolEvent | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === set && event.step.op === 'access' && event.step.mode === mode)
      return event;
  }
  return undefined;
}

/** The last release on a path, with its place. */
export function lastRelease(path: PathLink | undefined, set: string): ProtocolEvent | undefined {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('step' in event && event.set === set && event.step.op === 'release') return event;
  }
  return undefined;
}

/** Whether a path takes the page for a reserved or zero page, which is never written back (document lines 115-119). */
export function isTakenForReserved(path: PathLink | undefined): boolean {
  for (let link = path; link !== undefined; link = link.previous) {
    const { event } = link;
    if ('holds' in event && event.holds && RESERVED.test(event.text)) return true;
    if ('step' in event && event.step.op === 'acquire') return false;
  }
  return false;
}

const RESERVED = /^(PageReserved|folio_test_reserved|is_(huge_)?zero_\w+)\b/;

/** Whether what is touched has certainly been released before. */
export function isReleased(o: { readonly set: PageSet; readonly slot: number | null }): boolean {
  const { set, slot } = o;
  if (set.guessed || set.escaped !== undefined) return false;
  return slot === null ? set.slots.every((s) => s === 'released') : set.slots[slot] === 'released';
}
