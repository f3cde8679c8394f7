/** Pages that a function needs only for itself: where it comes to its end it has released them. */
import type { SourceFile } from '../../syntax/source.ts';
import type { ExitObservation, RunObservation } from '../run/observation.ts';
import { assumedOf, type PathLink } from '../state/path.ts';
import type { PageSet } from '../state/state.ts';
import type { Value } from '../state/value.ts';

/** Whether the function releases what the acquire gives at every successful end, and has such an end. */
export function isTemporary(own: readonly RunObservation[], { call }: PageSet): boolean {
  const ends = own.filter(
    (o): o is ExitObservation =>
      o.what === 'exit' &&
      o.set.call.start === call.start &&
      o.set.result === o.set.nr &&
      succeeds(o.returns),
  );
  return ends.length > 0 && ends.every(({ set }) => set.slots.every((slot) => slot === 'released'));
}

function succeeds(returns: Value | undefined): boolean {
  return returns === undefined || (returns.t === 'int' && returns.n >= 0);
}

/** Whether a function returns an address: not to be zero is no error then. */
export function returnsAddress({ code, functions }: SourceFile, index: number): boolean {
  const { start, nameStart } = functions[index] ?? { start: 0, nameStart: 0 };
  return code.slice(start, nameStart).includes('*');
}

/** The path has found what it returns not to be zero: in most functions that return a number that is an error. */
export function returnsNonzero(path: PathLink | undefined, returns: Value | undefined): boolean {
  return returns?.t === 'sym' && assumedOf(path, returns.key) === true;
}
