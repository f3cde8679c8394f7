import type { Finding } from '../rules/finding.ts';
import { callAt } from './edits/call.ts';
import { isDirtied, isWritten } from './edits/dirty.ts';
import { iteratorOf, unpinIfPinned } from './edits/extracted.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** What was only listed is left alone. */
export function fixIterExtractRelease(finding: Finding, source: FixSource): Attempts {
  const { file } = source;
  const extract = callAt(file, finding.site.range.start);
  const release = callAt(file, finding.range.start);
  const iterator = extract && iteratorOf(source, extract);
  if (iterator === undefined || release === undefined)
    return [{ refusal: 'the release is not written out as a call' }];
  if (file.functionAt(release.range.start) !== file.functionAt(finding.site.range.start))
    return [{ refusal: 'the release stands in another function, which does not know the iterator' }];
  const dirty = isWritten(finding) && !isDirtied(finding, source);
  const edit = unpinIfPinned(release, source, iterator, dirty);
  return [attempt('Unpin only where iov_iter_extract_will_pin() is true', 'safe', edit && [edit])];
}
