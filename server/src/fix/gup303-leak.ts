import type { Finding } from '../rules/finding.ts';
import { Kind } from '../syntax/kinds.ts';
import type { NewStatement } from './edits/insert.ts';
import { isKeptOnAWay } from './edits/kept.ts';
import {
  beforeFreeing,
  jumpInstead,
  leakingEnds,
  releasedBefore,
  releasingLabel,
} from './edits/leak-places.ts';
import { type Acquired, acquiredAt, isAssigned, releaseOf } from './edits/result.ts';
import type { FunctionTree } from './edits/statements.ts';
import { type Attempts, attempt, type Fix, type FixSource, type Refusal } from './fix.ts';

/** Jumps that are tried one by one. */
const MAX_JUMPS = 8;

/** What is held is released before the function returns: by its own label for that where it has one, else in place. */
export function fixLeak(finding: Finding, source: FixSource): Attempts {
  const acquired = acquiredAt(source, finding.site.range.start);
  if (acquired === undefined)
    return [
      { refusal: 'the acquire is not a call of get_user_pages*() or pin_user_pages*() that is written out' },
    ];
  const { ft } = acquired;
  const ends = leakingEnds(ft, finding);
  if (ends.length === 0 || ends.some((end) => !sameFunction(acquired, end)))
    return [{ refusal: 'the path does not end at a return of this function' }];
  const isShared = ends.some((end) => isKeptOnAWay(acquired, end));
  const attempts: (Fix | Refusal)[] = [];
  for (const count of isShared ? [] : countsOf(acquired, ends)) {
    const release = releaseOf(acquired, count);
    const label = releasingLabel(ft, release);
    const title = `Release the pages with ${release.name}()`;
    if (label !== undefined) {
      const edits = ends.map((end) => jumpInstead(ft, end, label));
      const flat = edits.includes(undefined) ? undefined : edits.flatMap((each) => each!);
      attempts.push(attempt(`Leave by ${label.label}, which releases the pages`, 'safe', flat));
    }
    for (const statement of guardings(release, count, acquired)) {
      if (ends.some((end) => mentions(ft, end, acquired))) break;
      const edits = ends.map((end) => releasedBefore(ft, beforeFreeing(ft, end), statement));
      const flat = edits.includes(undefined) ? undefined : edits.flatMap((each) => each!);
      attempts.push(attempt(title, 'safe', flat));
    }
  }
  for (const jump of jumpsBehind(acquired)) {
    const count = acquired.count === '1' ? '1' : countsOf(acquired, [jump])[0];
    if (count === undefined) continue;
    const release = releaseOf(acquired, count);
    const edits = releasedBefore(ft, jump, release);
    if (edits !== undefined)
      attempts.push(attempt(`Release the pages with ${release.name}()`, 'safe', edits));
  }
  if (isShared) return [...attempts, { refusal: 'another way to the same return keeps the pages' }];
  if (attempts.length === 0) return [{ refusal: 'how many pages are held is in no variable' }];
  return attempts;
}

/** Expressions for the number of pages held at all these ends. */
function countsOf(acquired: Acquired, ends: readonly number[]): string[] {
  const { ft, call, count, result } = acquired;
  if (count === '1') return ['1'];
  const last = Math.max(...ends.map((end) => ft.tree.start[end]!));
  const counts: string[] = [];
  if (result !== undefined && !isAssigned(ft, result, call.range.end, last)) counts.push(result);
  const isFixed = /^\d+$|^[A-Z]\w*$/.test(count);
  const isPlain = /^[a-z]\w*$/.test(count) && !isAssigned(ft, count, call.range.end, last);
  if (isFixed || isPlain) counts.push(count);
  return counts;
}

/** The release, and the release where anything is held. */
function guardings(release: NewStatement, count: string, { result }: Acquired): NewStatement[] {
  return count === result ? [{ ...release, when: `${result} > 0` }, release] : [release];
}

/** Whether a return still uses the pages, so that they cannot be released in front of it. */
function mentions(ft: FunctionTree, end: number, { pages }: Acquired): boolean {
  const name = /\w+(?=\W*$)/.exec(pages.replace(/\[.*$/, ''))?.[0];
  return name !== undefined && new RegExp(`\\b${name}\\b`).test(ft.code(end));
}

/** Jumps out of a branch behind the acquire, the nearest first: the end of the path may be shared with others. */
function jumpsBehind({ ft, call }: Acquired): number[] {
  return ft
    .all(ft.body, (node) => ft.kind(node) === Kind.goto_statement)
    .filter((node) => ft.tree.start[node]! > call.range.end)
    .slice(0, MAX_JUMPS);
}

function sameFunction({ ft, call }: Acquired, end: number): boolean {
  return ft.file.functionAt(ft.tree.start[end]!) === ft.file.functionAt(call.range.start);
}
