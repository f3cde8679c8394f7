import { FOLL, type FollName, INTERNAL_FLAGS } from '#engine/protocol/flags.ts';
import type { Finding } from '../rules/finding.ts';
import { callAt } from './call.ts';
import { type Fix, type FixSource, sorted } from './fix.ts';
import { withoutFlags } from './flags.ts';
import { toPin } from './to-pin.ts';

/** FOLL_PIN on a get function was meant as the pin function; other internal flags are left out. */
export function fixInternalFlag(finding: Finding, source: FixSource): Fix | undefined {
  const call = callAt(source.file, finding.site.range.start);
  const step = finding.witness?.steps.find((each) => each.step.op === 'acquire')?.step;
  if (call === undefined || step?.op !== 'acquire') return undefined;
  const names = namesOf(step.flags & INTERNAL_FLAGS);
  if ((step.flags & FOLL.PIN) !== 0 && call.name.startsWith('get_')) {
    return toPin(finding, source, { drop: names });
  }
  const edits = withoutFlags(source.file, call, names);
  const ordered = edits === undefined ? undefined : sorted(edits);
  return ordered === undefined
    ? undefined
    : { title: `Leave ${names.join(' and ')} out`, safety: 'safe', edits: ordered };
}

function namesOf(bits: number): string[] {
  return (Object.keys(FOLL) as FollName[])
    .filter((name) => (bits & FOLL[name]) !== 0)
    .map((name) => `FOLL_${name}`);
}
