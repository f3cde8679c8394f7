/** From a get function to its pin function, and flags of an acquiring call. */
import { compareKernelVersions, type KernelVersion } from '../../syntax/preprocess/version.ts';
import { applyEdits, type Edit, type FixSource, sorted } from '../fix.ts';
import { type CallText, textOf } from './call.ts';
import { flagsWith, withoutFlags } from './flags.ts';
import { changedCall } from './rewrite-call.ts';

/** Pin functions that take the same arguments, and the first release that has them. */
const PIN_FORMS: Readonly<Record<string, { readonly name: string; readonly since: KernelVersion }>> = {
  get_user_pages: { name: 'pin_user_pages', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_fast: { name: 'pin_user_pages_fast', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_remote: { name: 'pin_user_pages_remote', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_unlocked: { name: 'pin_user_pages_unlocked', since: { major: 5, minor: 8, patch: 0 } },
};

/** Calls that pinnedAcquire() may be asked about. */
export const GETS: ReadonlySet<string> = new Set(Object.keys(PIN_FORMS));

/** Where arguments stand, counted from 0. */
export interface Places {
  /** The requested number of pages. */
  readonly count: number;
  readonly flags: number;
  readonly pages: number;
}

const PLACES: Readonly<Record<string, Places>> = {
  user_pages: { count: 1, flags: 2, pages: 3 },
  user_pages_fast: { count: 1, flags: 2, pages: 3 },
  user_pages_fast_only: { count: 1, flags: 2, pages: 3 },
  user_pages_remote: { count: 2, flags: 3, pages: 4 },
  user_pages_unlocked: { count: 1, flags: 3, pages: 2 },
};

/** Places of an acquiring call's arguments; undefined for functions with others. */
export function placesOf(call: CallText, kernel: KernelVersion): Places | undefined {
  const places = PLACES[call.name.replace(/^(?:get|pin)_/, '')];
  if (places === undefined) return undefined;
  // get_user_pages_remote() and its pin form had a task in front until 5.8.
  const task =
    call.name.endsWith('_remote') && compareKernelVersions(kernel, { major: 5, minor: 9, patch: 0 }) < 0;
  return task ? { count: places.count + 1, flags: places.flags + 1, pages: places.pages + 1 } : places;
}

export interface PinnedAcquire {
  /** The pin function's name. */
  readonly name: string;
  readonly edits: readonly Edit[];
}

/**
 * An acquiring call made a pin: the flags in `drop`, and FOLL_GET, are taken out, those in `add` are put in. A reason
 * where the kernel has no such function, or the flags cannot be edited.
 */
export function pinnedAcquire(
  call: CallText,
  source: FixSource,
  { drop = [], add = [] }: { readonly drop?: readonly string[]; readonly add?: readonly string[] } = {},
): PinnedAcquire | { readonly refusal: string } {
  const { file, kernel } = source;
  const form = PIN_FORMS[call.name];
  if (form === undefined) return { refusal: `${call.name}() has no pin function with the same arguments` };
  if (compareKernelVersions(kernel, form.since) < 0)
    return { refusal: `Linux ${kernel.major}.${kernel.minor} has no ${form.name}()` };
  const text = file.code.slice(call.range.start, call.range.end);
  const out = [...drop, ...(/\bFOLL_GET\b/.test(text) ? ['FOLL_GET'] : [])];
  const removed = out.length === 0 ? [] : withoutFlags(source, call, out);
  const places = placesOf(call, kernel);
  const range = places && call.args[places.flags];
  if (removed === undefined || range === undefined || places === undefined)
    return { refusal: 'its flags are made up in a way that is not rewritten by machine' };
  const inside = removed.filter((edit) => range.start <= edit.range.start && edit.range.end <= range.end);
  const moved = inside.map(({ range: { start, end }, newText }) => ({
    range: { start: start - range.start, end: end - range.start },
    newText,
  }));
  const left = applyEdits(textOf(file, range), sorted(moved) ?? []);
  const flags = flagsWith(left, add);
  const args = flags === textOf(file, range) ? {} : { args: new Map([[places.flags, flags]]) };
  const elsewhere = removed.filter((edit) => !inside.includes(edit));
  return { name: form.name, edits: [...changedCall(file, call, { name: form.name, ...args }), ...elsewhere] };
}

/** The variable or field that an acquiring call fills; `field` where it is a member of something. */
export function destinationOf(
  { file, kernel }: FixSource,
  call: CallText,
): { readonly name: string; readonly field: boolean } | undefined {
  const places = placesOf(call, kernel);
  const arg = places && call.args[places.pages];
  if (arg === undefined) return undefined;
  const match = /^&?\s*((?:\w+\s*(?:->|\.)\s*)*)([A-Za-z_]\w*)/.exec(file.code.slice(arg.start, arg.end));
  if (match === null || match[2] === 'NULL') return undefined;
  return { name: match[2]!, field: match[1] !== '' };
}
