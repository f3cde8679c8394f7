import { FOLL, type FollName, INTERNAL_FLAGS } from '#engine/protocol/flags.ts';
import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { withoutFlags } from './edits/flags.ts';
import { toPin } from './edits/to-pin.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** FOLL_PIN on a get function was meant as the pin function; other internal flags are left out. */
export function fixInternalFlag(finding: Finding, source: FixSource): Attempts {
  const call = callAt(source.file, finding.site.range.start);
  const step = finding.witness?.steps.find((each) => each.step.op === 'acquire')?.step;
  if (call === undefined || step?.op !== 'acquire') return [{ refusal: 'the call stands in a macro' }];
  const names = namesOf(step.flags & INTERNAL_FLAGS);
  if ((step.flags & FOLL.PIN) !== 0 && call.name.startsWith('get_')) {
    return toPin(finding, source, { drop: names });
  }
  return [attempt(`Leave ${names.join(' and ')} out`, 'safe', withoutFlags(source, call, names))];
}

function namesOf(bits: number): string[] {
  return (Object.keys(FOLL) as FollName[])
    .filter((name) => (bits & FOLL[name]) !== 0)
    .map((name) => `FOLL_${name}`);
}
