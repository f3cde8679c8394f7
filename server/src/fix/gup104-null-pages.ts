import type { Finding } from '../rules/finding.ts';
import { placesOf } from './edits/acquire.ts';
import { callAt, renamed, textOf } from './edits/call.ts';
import { withoutFlags } from './edits/flags.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** A call that only faults pages in takes no reference: the get function, without FOLL_GET. */
export function fixNullPages(finding: Finding, source: FixSource): Attempts {
  const { file, kernel } = source;
  const call = callAt(file, finding.site.range.start);
  const places = call && placesOf(call, kernel);
  const flags = places && call.args[places.flags];
  if (call === undefined || flags === undefined) return [{ refusal: 'the call is not written out' }];
  if (call.name.includes('_fast'))
    return [{ refusal: `what ${call.name}() is to return is not known, and it cannot only fault pages in` }];
  if (/\bFOLL_LONGTERM\b/.test(textOf(file, flags)))
    return [{ refusal: 'FOLL_LONGTERM needs a pin, and so an array' }];
  const got = /\bFOLL_GET\b/.test(file.code.slice(flags.start, flags.end));
  const name = call.name.replace(/^pin_/, 'get_');
  const edits = [
    ...(name === call.name ? [] : [renamed(call, name)]),
    ...(got ? (withoutFlags(source, call, ['FOLL_GET']) ?? [undefined]) : []),
  ];
  return [attempt(name === call.name ? 'Leave FOLL_GET out' : `Use ${name}()`, 'unsafe', edits)];
}
