/** A flag that an acquiring call lacks. */
import type { Finding } from '../../rules/finding.ts';
import { type Attempts, attempt, type FixSource } from '../fix.ts';
import { placesOf } from './acquire.ts';
import { callAt, textOf } from './call.ts';
import { flagsWith } from './flags.ts';
import { changedCall } from './rewrite-call.ts';

/** The finding's call with a flag more. Unsafe: the call then refuses memory that it took before. */
export function addedFlag(finding: Finding, source: FixSource, flag: string): Attempts {
  const { file, kernel } = source;
  const call = callAt(file, finding.site.range.start);
  const places = call && placesOf(call, kernel);
  const range = places && call.args[places.flags];
  if (call === undefined || places === undefined || range === undefined)
    return [{ refusal: 'the call is not written out, or has its flags elsewhere' }];
  const flags = flagsWith(textOf(file, range), [flag]);
  return [
    attempt(`Add ${flag}`, 'unsafe', changedCall(file, call, { args: new Map([[places.flags, flags]]) })),
  ];
}
