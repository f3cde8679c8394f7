import type { CallObservation, FlagObservation } from '../flow/facts/observation.ts';
import { fitOf } from '../flow/kernel/fit.ts';
import { FLAG_LIFE_BY_NAME, FUNCTION_LIVES, type FunctionLife, type Life } from '../flow/kernel/history.ts';
import { isSince, presenceOf } from '../flow/kernel/presence.ts';
import { formatKernelVersion, type KernelVersion } from '../syntax/preprocess/version.ts';
import type { Range } from '../syntax/range.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, rangeOf } from './evidence/findings.ts';
import { callsByName } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const obsoleteApi: Rule = {
  code: 'GUP105',
  name: 'obsolete-api',
  summary: 'a name, an argument or a flag that the target kernel does not have',
  defaultLevel: 'warning',
  documentSection: 'Overview',
  documentLines: '12-16',
  rationale:
    'The functions around page pinning were renamed, merged and given other arguments many times: put_user_page() became unpin_user_page() in 5.6, vmas went away in 6.5. Code that is written for another release does not build on the target kernel, or, where an argument changed its meaning without changing the number of arguments, builds and does something else.',
  bad: `static void drop(struct page **pages, unsigned long n)
{
	put_user_pages_dirty_lock(pages, n, true);
}
`,
  good: `static void drop(struct page **pages, unsigned long n)
{
	unpin_user_pages_dirty_lock(pages, n, true);
}
`,
  check: (flow, { text, kernel }) => [
    ...callsByName(flow).flatMap((o) => callFindings(o, text, kernel)),
    ...firstPerKey(
      flow.observations.filter((o) => o.what === 'flag'),
      (o) => o.name,
    ).flatMap((o) => flagFindings(o, kernel)),
  ],
};

function callFindings(o: CallObservation, text: string, kernel: KernelVersion): Finding[] {
  const name = o.call.fn!;
  const target = formatKernelVersion(kernel);
  if (standsIn(o.within, kernel)) return [];
  const semaphore = semaphoreFinding(o, kernel);
  if (semaphore !== undefined) return [semaphore];
  const life = FUNCTION_LIVES.get(name);
  if (life === undefined) return [];
  const presence = presenceOf(life, kernel);
  if (presence === 'gone') {
    const message = `${called(name)} ${ended(life)}, so this does not build on ${target}. Use ${life.later ?? 'what took its place'}.`;
    return [found(o, name, message)];
  }
  if (presence === 'not-yet') {
    const instead = life.earlier === undefined ? '' : ` Before that it is ${life.earlier}.`;
    const message = `${called(name)} ${began(life)}, so this does not build on ${target}.${instead}`;
    return [found(o, name, message)];
  }
  const argc = o.call.args.length;
  const forms = life.forms?.filter((form) => form.argc === argc) ?? [];
  if (o.partlyRead || forms.length === 0) return [];
  if (forms.some((form) => presenceOf(form, kernel) === 'present')) return [];
  // Arguments of other releases stand in an `#if` that nothing decides: without them it is the form of this one.
  const written = text.slice(o.call.start, o.call.end);
  if (/^[ \t]*#/m.test(written) && fitOf(written, kernel) === 'fits') return [];
  const message = `${called(name)} with ${argc} arguments is not the form of ${target}: ${whyNot(life, argc, kernel)}.`;
  return [found(o, name, message)];
}

/** What ended the last form with so many arguments before the target kernel, or what it had before the first one came. */
function whyNot({ forms = [] }: FunctionLife, argc: number, kernel: KernelVersion): string {
  const same = forms.filter((form) => form.argc === argc);
  const ended = same.findLast((form) => presenceOf(form, kernel) === 'gone');
  if (ended !== undefined) return ended.change;
  const [first] = same;
  // A form that is still there says what was before it.
  if (first?.since === undefined || first.until === undefined) return first?.change ?? 'it has another one';
  const right = forms.find((form) => presenceOf(form, kernel) === 'present');
  const before =
    right?.until === undefined ? '' : `; until ${right.until} it takes ${right.argc} (${right.change})`;
  return `this one came with ${first.since}${before}`;
}

/**
 * A function of the project's with the name of one that the target kernel has stands in for it on kernels that have not:
 * whatever decides whether it is compiled, on the target it is not.
 */
function standsIn(within: string, kernel: KernelVersion): boolean {
  if (/^mmap_(?:read|write)_(?:lock|unlock|trylock)(?:_killable)?$/.test(within))
    return isSince(kernel, '5.8');
  const life = FUNCTION_LIVES.get(within);
  return life !== undefined && presenceOf(life, kernel) === 'present';
}

/** `down_read(&mm->mmap_sem)`. */
function semaphoreFinding(o: CallObservation, kernel: KernelVersion): Finding | undefined {
  const arg = o.call.args[0];
  if (arg?.k !== 'addr' || arg.e.k !== 'member' || arg.e.name !== 'mmap_sem') return undefined;
  if (!isSince(kernel, '5.8')) return undefined;
  const wrapper = o.call.fn!.replace(
    /^(down|up)_(read|write)(_trylock)?/,
    (_, way: string, mode: string, attempt: string | undefined) =>
      `mmap_${mode}_${attempt === undefined ? (way === 'down' ? 'lock' : 'unlock') : 'trylock'}`,
  );
  const message = `mm->mmap_sem is called mmap_lock since 5.8, so this does not build on ${formatKernelVersion(kernel)}. Use ${wrapper}(mm).`;
  return found(o, o.call.fn!, message);
}

function flagFindings(o: FlagObservation, kernel: KernelVersion): Finding[] {
  const life = FLAG_LIFE_BY_NAME.get(o.name);
  if (life === undefined) return [];
  const presence = presenceOf(life, kernel);
  if (presence !== 'gone' && presence !== 'not-yet') return [];
  const when = presence === 'gone' ? ended(life) : began(life);
  const message = `${o.name} ${when}, so this does not build on ${formatKernelVersion(kernel)}. What this release has in its place: ${life.instead}.`;
  return [at(o.range, o.within, o.name, message)];
}

function began(life: Life): string {
  return life.since === undefined ? `came after ${life.after}` : `exists since ${life.since}`;
}

function ended(life: Life): string {
  if (life.until !== undefined) return `had its last release with ${life.until}`;
  return `is gone since ${life.goneBy} at the latest`;
}

function found(o: CallObservation, api: string, message: string): Finding {
  return at(rangeOf(o.call), o.within, api, message);
}

function at(range: Range, within: string, api: string, message: string): Finding {
  return {
    code: 'GUP105',
    certainty: 'certain',
    message,
    range,
    function: within,
    api,
    site: { function: within, range },
    related: [],
  };
}
