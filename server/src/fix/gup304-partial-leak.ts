import type { Finding } from '../rules/finding.ts';
import { insertedBefore } from './edits/insert.ts';
import { indentAt, lineEnd, lineStart, newline } from './edits/layout.ts';
import { beforeFreeing, givingUp, leakingEnds, releasedBefore } from './edits/leak-places.ts';
import { type Acquired, acquiredAt, releaseOf } from './edits/result.ts';
import { type Attempts, attempt, type Edit, type Fix, type FixSource, type Refusal } from './fix.ts';

/** What a short count acquired is released where the function gives up because of it. */
export function fixPartialLeak(finding: Finding, source: FixSource): Attempts {
  const acquired = acquiredAt(source, finding.site.range.start);
  if (acquired === undefined)
    return [
      { refusal: 'the acquire is not a call of get_user_pages*() or pin_user_pages*() that is written out' },
    ];
  const { result } = acquired;
  if (result === undefined) return [stored(acquired, source)];
  const { ft, statement } = acquired;
  const attempts: (Fix | Refusal)[] = [];
  const branches = givingUp(ft, statement, result);
  const ends = leakingEnds(ft, finding).map((end) => beforeFreeing(ft, end));
  for (const places of [
    ...branches.map((each) => [each]),
    ...(branches.length > 1 ? [branches] : []),
    ends,
  ]) {
    if (places.length === 0) continue;
    for (const when of guards(acquired, places[0]!, result))
      attempts.push(released(acquired, places, result, when));
  }
  if (attempts.length === 0) return [{ refusal: 'no branch tests the result by its name' }];
  return attempts;
}

/** Conditions to try: none first, where it was asked before whether the acquire failed. */
function guards({ ft, call }: Acquired, place: number, result: string): (string | undefined)[] {
  const before = ft.file.code.slice(call.range.end, ft.tree.start[place]!);
  const asked = new RegExp(`\\b${result}\\s*<=?\\s*0`).test(before);
  return asked ? [undefined, `${result} > 0`] : [`${result} > 0`, undefined];
}

function released(
  acquired: Acquired,
  places: readonly number[],
  result: string,
  when: string | undefined,
): Fix | Refusal {
  const release = releaseOf(acquired, result);
  const statement = when === undefined ? release : { ...release, when };
  const edits = places.map((place) => releasedBefore(acquired.ft, place, statement));
  const flat = edits.includes(undefined) ? undefined : edits.flatMap((each) => each!);
  return attempt(`Release a short count with ${release.name}()`, 'safe', flat);
}

/** `if (pin_user_pages_fast(…) != n) return -EFAULT;`: the result gets a local, so that it can be released. */
function stored(acquired: Acquired, source: FixSource): Fix | Refusal {
  const { ft, call, statement } = acquired;
  const { text } = source.file;
  const name = ['got', 'pinned', 'nr_got'].find((each) => ft.uses(each).length === 0);
  const statements = name === undefined ? [] : givingUpAt(acquired);
  const first = ft.children(ft.body)[0];
  if (name === undefined || statements.length !== 1 || first === undefined)
    return { refusal: 'the result is not stored, and the branch that gives up is not plain' };
  const release = { ...releaseOf(acquired, name), when: `${name} > 0` };
  const written = text.slice(call.range.start, call.range.end);
  const assignment = insertedBefore(
    ft,
    statement,
    (indent) =>
      `${indent}${name} = ${written.replace(/\n\s*/g, ' ').replace(/\s+/g, ' ')};${newline(source.file)}`,
  );
  const edits: (Edit | undefined)[] = [
    ...declared(acquired, source, name),
    ...(assignment ?? [undefined]),
    { range: call.range, newText: name },
    ...(releasedBefore(ft, statements[0]!, release) ?? [undefined]),
  ];
  return attempt(`Keep the result, and release a short count with ${release.name}()`, 'safe', edits);
}

/** The branch of the `if` in whose condition the call stands. */
function givingUpAt({ ft, call, statement }: Acquired): number[] {
  return givingUp(ft, statement, call.name).filter((each) => ft.isInside(each, statement));
}

/** A declaration behind the last one at the head of the body, or in front of all. */
function declared({ ft, call }: Acquired, { file }: FixSource, name: string): Edit[] {
  const { text } = file;
  const type = call.name.includes('_fast') ? 'int' : 'long';
  const statements = ft.children(ft.body);
  const declarations = statements.filter((each) =>
    /^(?:struct|const|unsigned|int|long|u\d+|size_t|bool|char|void|static)\b/.test(ft.code(each)),
  );
  const last = declarations.at(-1);
  if (last === undefined) {
    const at = lineStart(text, ft.rangeOf(statements[0]!).start);
    const line = `${indentAt(text, at)}${type} ${name};${newline(file)}${newline(file)}`;
    return [{ range: { start: at, end: at }, newText: line }];
  }
  const alike = declarations.find((each) => new RegExp(`^${type} [\\w, ]+;$`).test(ft.code(each)));
  if (alike !== undefined) {
    const at = ft.rangeOf(alike).end - 1;
    return [{ range: { start: at, end: at }, newText: `, ${name}` }];
  }
  const { start, end } = ft.rangeOf(last);
  const at = lineEnd(text, end);
  return [
    { range: { start: at, end: at }, newText: `${indentAt(text, start)}${type} ${name};${newline(file)}` },
  ];
}
