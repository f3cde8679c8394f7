/** The conversion behind several fixes: get becomes pin, and every release of the pages follows. */
import type { Finding } from '../../rules/finding.ts';
import { type Attempts, attempt, type Edit, type Fix, type FixSource, type Refusal } from '../fix.ts';
import { GETS, pinnedAcquire, placesOf } from './acquire.ts';
import { type CallText, callAt } from './call.ts';
import { isDirtied } from './dirty.ts';
import { callsOnPages, isKept } from './owned.ts';
import { type Folding, PUTS, toUnpin } from './releases.ts';
import { tidied } from './tidy.ts';

export interface ToPinOptions {
  /** Flags to take out of the call, and to put in. */
  readonly drop?: readonly string[];
  readonly add?: readonly string[];
  /** The data is written: what is released without having been marked dirty is marked by the release. */
  readonly written?: boolean;
}

/**
 * Every acquire that fills the same array, and every release of its pages that the file shows, converted; with loops of
 * releases folded into one call where that is possible, then without.
 */
export function toPin(finding: Finding, source: FixSource, options: ToPinOptions = {}): Attempts {
  const { file } = source;
  const call = callAt(file, finding.site.range.start);
  if (call === undefined) return [{ refusal: 'the acquiring call stands in a macro' }];
  const acquired = acquiresOf(call, source, options);
  if ('refusal' in acquired) return [acquired];
  const onPath = releasesOnPath(finding, source);
  if (onPath === undefined) return [{ refusal: 'a release of the pages is not written out as a call' }];
  const dirty = options.written === true && !isDirtied(finding, source);
  const calls = new Map<number, CallText>(
    callsOnPages(source, call, PUTS).map((each) => [each.range.start, each]),
  );
  for (const each of onPath) calls.set(each.range.start, each);
  if (calls.size === 0 && isKept(source, call) && !releasesPins(source, call))
    return [{ refusal: 'the pages are kept, and this file does not show where they are released' }];
  const attempts = new Map<string, Fix | Refusal>();
  const add = (tried: Fix | Refusal) => {
    const key = 'edits' in tried ? JSON.stringify(tried.edits) : tried.refusal;
    if (!attempts.has(key)) attempts.set(key, tried);
  };
  for (const folding of ['plain', 'guarded', 'none'] as const)
    add(converted(acquired, [...calls.values()], onPath, source, { dirty, folding }));
  // Where the driver writes only sometimes, and asks for FOLL_WRITE only then, marking always is as wrong as never.
  if (dirty) {
    for (const folding of ['plain', 'guarded', 'none'] as const) {
      const tried = converted(acquired, [...calls.values()], onPath, source, { dirty: false, folding });
      add('edits' in tried ? { ...tried, safety: 'unsafe' } : tried);
    }
  }
  // Where the driver marks dirty on a condition that the write does not depend on, the release marks always.
  if (options.written === true && !dirty) {
    for (const folding of ['plain', 'guarded', 'none'] as const) {
      const tried = converted(acquired, [...calls.values()], onPath, source, { dirty: true, folding });
      add('edits' in tried ? { ...tried, safety: 'unsafe' } : tried);
    }
  }
  return [...attempts.values()];
}

function releasesPins(source: FixSource, call: CallText): boolean {
  return callsOnPages(source, call, UNPINS).length > 0;
}

/** Releases that are right for pinned pages already. */
const UNPINS: ReadonlySet<string> = new Set([
  'unpin_user_page',
  'unpin_user_pages',
  'unpin_user_pages_dirty_lock',
  'unpin_user_page_range_dirty_lock',
  'unpin_user_folio',
]);

interface Acquired {
  readonly name: string;
  readonly at: number;
  readonly edits: readonly Edit[];
}

/** The finding's acquire, and others in the same function that fill the same place: a second try, the next chunk. */
function acquiresOf(call: CallText, source: FixSource, options: ToPinOptions): Acquired | Refusal {
  const own = pinnedAcquire(call, source, options);
  if ('refusal' in own) return own;
  const edits = [...own.edits];
  const fn = source.file.functionAt(call.range.start);
  const others = callsOnPages(source, call, GETS, (each) => {
    const places = placesOf(each, source.kernel);
    return places && each.args[places.pages];
  });
  for (const other of others) {
    if (other.range.start === call.range.start) continue;
    if (source.file.functionAt(other.range.start) !== fn) continue;
    const more = pinnedAcquire(other, source, options.add === undefined ? {} : { add: options.add });
    if ('refusal' in more) return more;
    edits.push(...more.edits);
  }
  return { name: own.name, at: call.range.start, edits };
}

function converted(
  acquire: Acquired,
  calls: readonly CallText[],
  onPath: readonly CallText[],
  source: FixSource,
  { dirty, folding }: { readonly dirty: boolean; readonly folding: Folding },
): Fix | Refusal {
  const { file } = source;
  const releases: Edit[] = [];
  for (const call of calls) {
    const written = dirty && onPath.some((each) => each.range.start === call.range.start);
    const edits = toUnpin(call, source, { dirty: written, folding });
    if (edits === undefined) return { refusal: `${call.name}() has no counterpart for pinned pages here` };
    releases.push(...edits);
  }
  const made = attempt(title(acquire.name, releases), 'safe', [...acquire.edits, ...releases]);
  if ('refusal' in made) return made;
  const own = file.functionAt(acquire.at);
  const local = made.edits.every(({ range }) => file.functionAt(range.start) === own);
  return {
    ...made,
    safety: local ? 'safe' : 'unsafe',
    edits: tidied(source, made.edits),
    converts: true,
  };
}

/** Releases of the witness that belong to get_user_pages*(). Undefined where one is not written out as a call. */
function releasesOnPath(finding: Finding, { file }: FixSource): CallText[] | undefined {
  const calls = new Map<number, CallText>();
  for (const { step, range } of finding.witness?.steps ?? []) {
    if (step.op !== 'release') continue;
    const call = callAt(file, range.start);
    if (call === undefined) return undefined;
    if (PUTS.has(call.name)) calls.set(call.range.start, call);
    else if (!call.name.startsWith('unpin_')) return undefined;
  }
  return [...calls.values()];
}

function title(pin: string, releases: readonly Edit[]): string {
  const name = releases
    .map(({ newText }) => /\bunpin_\w+/.exec(newText)?.[0])
    .sort((a, b) => (b?.length ?? 0) - (a?.length ?? 0))[0];
  return name === undefined ? `Use ${pin}()` : `Use ${pin}() and ${name}()`;
}
