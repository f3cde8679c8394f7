/** The paths on which pages of one acquiring call are released or given up, whether or not a rule objects to them. */
import { analyzeFlow } from '../flow/file.ts';
import type { PathLink } from '../flow/path.ts';
import { witnessOf } from '../flow/path.ts';
import type { Witness } from '../flow/witness.ts';
import type { ExitObservation } from '../flow/world.ts';
import type { Parser } from '../syntax/parser.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';

/** Paths that are looked at; a function with more differs on the others in what is not about these pages. */
const MAX_PATHS = 24;

export interface AcquiredPaths {
  /** One for each release, and for each end of a function at which something is still held; the shortest first. */
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
      found.set(o.path, witnessOf(o.path, o.set.id, o.within));
      if (o.what === 'exit' && o.set.slots.includes('held')) leaves ??= handedOut(o, fn.name, source);
    }
  }
  const witnesses = [...found.values()].sort((a, b) => a.steps.length - b.steps.length);
  return { witnesses: witnesses.slice(0, MAX_PATHS), ...(leaves !== undefined && { leaves }) };
}

/** The end of a path at which somebody has the pages whom the file does not show. */
function handedOut(o: ExitObservation, root: string, source: SourceFile): string | undefined {
  if (o.owner === 'callee')
    return `${o.set.escaped ?? 'a callee'}() is given the pages, and is not in this file`;
  const isStatic = source.functions.find((fn) => fn.name === root)?.isStatic === true;
  if (o.owner !== 'caller' || isStatic) return undefined;
  return `${root}() hands the pages to its callers, and may have some in other files`;
}
