/** From a get function to its pin function. */
import type { Finding } from '../rules/finding.ts';
import { compareKernelVersions, type KernelVersion } from '../syntax/preprocess/version.ts';
import { type CallText, callAt, renamed } from './call.ts';
import type { Edit, FixSource } from './fix.ts';
import { withoutFlags } from './flags.ts';

/** Pin functions that take the same arguments, and the first release that has them. */
const PIN_FORMS: Readonly<Record<string, { readonly name: string; readonly since: KernelVersion }>> = {
  get_user_pages: { name: 'pin_user_pages', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_fast: { name: 'pin_user_pages_fast', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_remote: { name: 'pin_user_pages_remote', since: { major: 5, minor: 6, patch: 0 } },
  get_user_pages_unlocked: { name: 'pin_user_pages_unlocked', since: { major: 5, minor: 8, patch: 0 } },
};

export interface PinnedAcquire {
  readonly call: CallText;
  /** The pin function's name. */
  readonly name: string;
  readonly edits: readonly Edit[];
}

/**
 * The acquiring call of a finding, made a pin; the flags in `drop`, and FOLL_GET, are taken out. Undefined where the
 * kernel has no such function, or the call is not written out.
 */
export function pinnedAcquire(
  finding: Finding,
  { file, kernel }: FixSource,
  drop: readonly string[] = [],
): PinnedAcquire | undefined {
  const call = callAt(file, finding.site.range.start);
  const form = call === undefined ? undefined : PIN_FORMS[call.name];
  if (call === undefined || form === undefined) return undefined;
  if (compareKernelVersions(kernel, form.since) < 0) return undefined;
  const got = /\bFOLL_GET\b/.test(file.code.slice(call.range.start, call.range.end)) ? ['FOLL_GET'] : [];
  const flags = [...drop, ...got];
  const edits = flags.length === 0 ? [] : withoutFlags(file, call, flags);
  return edits === undefined
    ? undefined
    : { call, name: form.name, edits: [renamed(call, form.name), ...edits] };
}
