import type { Finding } from '../rules/finding.ts';
import { Kind } from '../syntax/kinds.ts';
import { type CallText, callAt, callsOf, renamed } from './edits/call.ts';
import { removed } from './edits/insert.ts';
import { toUnpin } from './edits/releases.ts';
import { type FunctionTree, functionTree } from './edits/statements.ts';
import { tidied } from './edits/tidy.ts';
import { type Attempts, attempt, type Edit, type Fix, type FixSource, type Refusal } from './fix.ts';

const UNPIN = new Set(['unpin_user_page']);

/** One call marks dirty and unpins, where both stand together; else the marking takes the page lock, in time. */
export function fixDirtyUnlocked(finding: Finding, source: FixSource): Attempts {
  const { file } = source;
  const call = callAt(file, finding.range.start);
  const ft = functionTree(source, finding.range.start);
  const statement = call === undefined ? -1 : (ft?.statementAt(call.range) ?? -1);
  if (call === undefined || ft === undefined || statement < 0)
    return [{ refusal: 'the marking is not written out as a call' }];
  const late = finding.related.some(({ message }) => message === 'released here');
  if (late) return [markedByRelease(call, ft, statement, source, finding)];
  const together = followingUnpin(ft, statement).flatMap((release) =>
    (['plain', 'guarded', 'none'] as const).map((folding) =>
      made(
        'Mark dirty and unpin with unpin_user_pages_dirty_lock()',
        source,
        finding,
        toUnpin(release, source, { folding }),
      ),
    ),
  );
  const locked = made('Use set_page_dirty_lock()', source, finding, asLocked(call, source));
  return [...together.filter((each) => 'edits' in each && covers(each, call)), locked];
}

/** The marking by a call that takes the page lock. One by the number of the flag names the page in its second argument. */
function asLocked(call: CallText, { file }: FixSource): Edit[] {
  if (!call.name.endsWith('set_bit')) return [renamed(call, 'set_page_dirty_lock')];
  const word = call.args[1] === undefined ? '' : file.text.slice(call.args[1].start, call.args[1].end);
  const [, page] = /^&\(?(.+?)\s*->\s*flags(?:\.f)?\)?$/s.exec(word) ?? [];
  return page === undefined ? [] : [{ range: call.range, newText: `set_page_dirty_lock(${page})` }];
}

/** Whether the fix takes the marking away. */
function covers({ edits }: Fix, call: CallText): boolean {
  return edits.some(({ range }) => range.start <= call.range.start && call.range.end <= range.end);
}

/** Another function than the one that acquires may be called where nothing can sleep; taking the page lock does. */
function made(
  title: string,
  source: FixSource,
  finding: Finding,
  edits: Parameters<typeof attempt>[2],
): Fix | Refusal {
  const fix = attempt(title, finding.function === finding.site.function ? 'safe' : 'unsafe', edits);
  return 'edits' in fix ? { ...fix, edits: tidied(source, fix.edits) } : fix;
}

/** The unpin that stands next in the same block. */
function followingUnpin(ft: FunctionTree, statement: number): CallText[] {
  const holder = ft.kind(ft.parent(statement)) === Kind.if_statement ? ft.parent(statement) : statement;
  const siblings = ft.children(ft.parent(holder));
  const next = siblings[siblings.indexOf(holder) + 1];
  return next === undefined ? [] : callsOf(ft.file, UNPIN, ft.rangeOf(next));
}

/** `unpin_user_page(page); set_page_dirty_lock(page);` in the wrong order becomes one call. */
function markedByRelease(
  call: CallText,
  ft: FunctionTree,
  statement: number,
  source: FixSource,
  finding: Finding,
): Fix | Refusal {
  const siblings = ft.children(ft.parent(statement));
  const before = siblings[siblings.indexOf(statement) - 1];
  const release = before === undefined ? undefined : callsOf(ft.file, UNPIN, ft.rangeOf(before))[0];
  const same = (each: CallText) => ft.file.code.slice(each.args[0]?.start, each.args[0]?.end);
  if (release === undefined || same(release) !== same(call))
    return { refusal: 'the release and the marking do not stand together' };
  const unpinned = toUnpin(release, source, { dirty: true });
  const gone = removed(ft, statement);
  return made(
    'Mark dirty and unpin with unpin_user_pages_dirty_lock()',
    source,
    finding,
    unpinned && gone && [...unpinned, gone],
  );
}
