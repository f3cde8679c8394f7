/** The conversion behind several fixes: get becomes pin, and every release of the pages follows. */
import type { Finding } from '../rules/finding.ts';
import { pinnedAcquire } from './acquire.ts';
import type { CallText } from './call.ts';
import { isDirtied } from './dirty.ts';
import { type Edit, type Fix, type FixSource, sorted } from './fix.ts';
import { PUTS, releaseAt, releasesByName, toUnpin } from './releases.ts';

export interface ToPinOptions {
  /** Flags to take out of the call. */
  readonly drop?: readonly string[];
  /** The data is written: what is released without having been marked dirty is marked by the release. */
  readonly written?: boolean;
}

/** Undefined when the call or one of the releases cannot be rewritten. */
export function toPin(finding: Finding, source: FixSource, options: ToPinOptions = {}): Fix | undefined {
  const acquire = pinnedAcquire(finding, source, options.drop);
  if (acquire === undefined) return undefined;
  const { file } = source;
  const onPath = releasesOnPath(finding, source);
  if (onPath === undefined) return undefined;
  const dirty = options.written === true && !isDirtied(finding, source);
  const calls = new Map<number, CallText>(
    releasesByName(file, acquire.call).map((call) => [call.range.start, call]),
  );
  for (const call of onPath) calls.set(call.range.start, call);
  const releases: Edit[] = [];
  for (const call of calls.values()) {
    const edit = toUnpin(call, source, { dirty: dirty && onPath.some((each) => each === call) });
    if (edit === undefined) return undefined;
    releases.push(edit);
  }
  const edits = sorted([...acquire.edits, ...releases]);
  if (edits === undefined) return undefined;
  const own = file.functionAt(acquire.call.range.start);
  const local = edits.every(({ range }) => file.functionAt(range.start) === own);
  return { title: title(acquire.name, releases), safety: local ? 'safe' : 'unsafe', edits };
}

/** Releases of the witness that belong to get_user_pages*(). Undefined where one is not written out as a call. */
function releasesOnPath(finding: Finding, { file }: FixSource): CallText[] | undefined {
  const calls: CallText[] = [];
  for (const { step, range } of finding.witness?.steps ?? []) {
    if (step.op !== 'release') continue;
    const call = releaseAt(file, range);
    if (call === undefined) return undefined;
    if (PUTS.has(call.name)) calls.push(call);
    else if (!call.name.startsWith('unpin_')) return undefined;
  }
  return calls;
}

function title(pin: string, releases: readonly Edit[]): string {
  const name = releases
    .map(({ newText }) => /^\w+/.exec(newText)?.[0])
    .sort((a, b) => (b?.length ?? 0) - (a?.length ?? 0))[0];
  return name === undefined ? `Use ${pin}()` : `Use ${pin}() and ${name}()`;
}
