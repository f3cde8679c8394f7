/** The paths on which pages of one acquiring call are released or given up, whether or not a rule objects to them. */
import { analyzeFlow } from '../flow/file.ts';
import type { ExitObservation } from '../flow/run/observation.ts';
import type { PathLink } from '../flow/state/path.ts';
import { witnessOf } from '../flow/state/path.ts';
import type { Witness } from '../flow/state/witness.ts';
import type { Parser } from '../syntax/parser.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';

/** Paths that are looked at; a function with more differs on the others in what is not about these pages. */
const MAX_PATHS = 24;

export interface AcquiredPaths {
  /** One for each release, and for each end of a function at which pages are given up; the shortest first. */
  readonly witnesses: readonly Witness[];
  /** Who is given the pages where the file does not show what becomes of them, as a clause. */
  readonly leaves?: string;
}

/** The paths of the page sets that are acquired by calls starting within `acquire`. */
export function pathsOf(source: SourceFile, parser: Parser, acquire: Range): AcquiredPaths {
  const found = new Map<PathLink, Witness>();
  let leaves: string | undefined;
  for (const fn of analyzeFlow(source, parser).functions) {
    for (const o of fn.observations) {
      if (o.what !== 'release' && o.what !== 'exit') continue;
      const { start } = o.set.call;
      if (start < acquire.start || start >= acquire.end || o.path === undefined) continue;
      if (o.what === 'exit') {
        if (o.set.slots.includes('held')) leaves ??= handedOut(o, fn.name, source);
        // What somebody else keeps is not given up: its path goes on where it is released.
        if (o.owner !== 'dropped') continue;
      }
      const witness = witnessOf(o.path, o.set.id, o.within);
      // Of a release that leaves pages held the path goes on, to the next release or to the end.
      if (o.what === 'release' && stillHeld(witness)) continue;
      found.set(o.path, witness);
    }
  }
  const witnesses = [...found.values()].sort((a, b) => a.steps.length - b.steps.length);
  return { witnesses: witnesses.slice(0, MAX_PATHS), ...(leaves !== undefined && { leaves }) };
}

function stillHeld({ steps }: Witness): boolean {
  const held = new Set<number>();
  for (const { step } of steps) {
    if (step.op === 'acquire') for (let i = 0; i < (step.expect ?? step.nr); i++) held.add(i);
    if (step.op === 'release') for (let i = 0; i < step.count; i++) held.delete(step.from + i);
  }
  return held.size > 0;
}

/** The end of a path at which somebody has the pages whom the file does not show. */
function handedOut(o: ExitObservation, root: string, source: SourceFile): string | undefined {
  if (o.owner === 'callee')
    return `${o.set.escaped ?? 'a callee'}() is given the pages, and is not in this file`;
  const isStatic = source.functions.find((fn) => fn.name === root)?.isStatic === true;
  if (o.owner !== 'caller' || isStatic) return undefined;
  return `${root}() hands the pages to its callers, and may have some in other files`;
}
