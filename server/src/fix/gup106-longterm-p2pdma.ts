import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { withoutFlags } from './edits/flags.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** What is registered for a long time is the user's own memory, as in the document's form; the other way is offered too. */
export function fixLongtermP2pdma(finding: Finding, source: FixSource): Attempts {
  const call = callAt(source.file, finding.site.range.start);
  return ['FOLL_PCI_P2PDMA', 'FOLL_LONGTERM'].map((flag) =>
    attempt(`Leave ${flag} out`, 'unsafe', call && withoutFlags(source, call, [flag])),
  );
}
