import type { Finding } from '../rules/finding.ts';
import { type CallText, callAt, textOf } from './edits/call.ts';
import { insertedBefore, linesOf } from './edits/insert.ts';
import { callsOnPages } from './edits/owned.ts';
import { toUnpin } from './edits/releases.ts';
import { functionTree } from './edits/statements.ts';
import { tidied } from './edits/tidy.ts';
import { type Attempts, attempt, type Edit, type FixSource } from './fix.ts';

const RELEASES = new Set(['unpin_user_page', 'unpin_user_pages', 'unpin_user_pages_dirty_lock', 'put_page']);

/** The release marks the pages dirty; the finding's own first, then all that follow the write in its function. */
export function fixNotDirtied(finding: Finding, source: FixSource): Attempts {
  const { file } = source;
  const call = callAt(file, finding.range.start);
  if (call === undefined) return [{ refusal: 'the release is not written out as a call' }];
  const acquire = callAt(file, finding.site.range.start);
  const written = finding.witness?.steps.find(({ step }) => step.op === 'access' && step.mode === 'write');
  const later = (acquire === undefined ? [] : callsOnPages(source, acquire, RELEASES)).filter(
    ({ range }) =>
      range.start > (written?.range.end ?? call.range.start) &&
      file.functionAt(range.start) === file.functionAt(call.range.start),
  );
  const groups = later.length > 1 ? [[call], later] : [[call]];
  return groups.flatMap((calls) =>
    (['plain', 'guarded', 'none'] as const).map((folding) => {
      const edits = calls.map((each) => dirtied(each, source, folding));
      const flat = edits.some((each) => each === undefined) ? undefined : edits.flatMap((each) => each!);
      const name = flat?.map(({ newText }) => /\b(?:unpin|set_page)_\w+/.exec(newText)?.[0]).find(Boolean);
      const made = attempt(`Mark the pages dirty with ${name}()`, 'safe', flat);
      return 'edits' in made ? { ...made, edits: tidied(source, made.edits) } : made;
    }),
  );
}

function dirtied(
  call: CallText,
  source: FixSource,
  folding: 'plain' | 'guarded' | 'none',
): Edit[] | undefined {
  const { file } = source;
  if (call.name === 'unpin_user_pages_dirty_lock') {
    const make = call.args[2];
    return make && [{ range: make, newText: 'true' }];
  }
  if (call.name.startsWith('unpin_')) return toUnpin(call, source, { dirty: true, folding });
  // A reference that is right as such, for instance under mmap_lock, is kept: the page is marked before it goes.
  const ft = functionTree(source, call.range.start);
  const page = call.args[0];
  const statement = ft?.statementAt(call.range) ?? -1;
  if (call.name !== 'put_page' || page === undefined || ft === undefined || statement < 0) return undefined;
  return insertedBefore(ft, statement, (indent) =>
    linesOf(file, indent, { name: 'set_page_dirty_lock', args: [textOf(file, page)] }),
  );
}
