import type { FunctionFlow } from '../flow/file.ts';
import type { ExitObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { exits } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const positiveError: Rule = {
  code: 'GUP403',
  name: 'positive-error',
  summary: 'a short count is returned to the caller in the place of an error code',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  rationale:
    'Where 0 means success and a negative number an error, a positive number means nothing. Callers that test for a negative value go on as if all pages were there; callers that test for anything but 0 pass a positive number on, up to user space, which takes it for a result.',
  bad: `static int pin_all(struct ctx *ctx, unsigned long uaddr, int n)
{
	int ret = pin_user_pages_fast(uaddr, n, FOLL_WRITE, ctx->pages);

	if (ret != n) {
		if (ret > 0)
			unpin_user_pages(ctx->pages, ret);
		return ret;
	}
	return 0;
}
`,
  good: `static int pin_all(struct ctx *ctx, unsigned long uaddr, int n)
{
	int ret = pin_user_pages_fast(uaddr, n, FOLL_WRITE, ctx->pages);

	if (ret != n) {
		if (ret > 0)
			unpin_user_pages(ctx->pages, ret);
		return ret < 0 ? ret : -EFAULT;
	}
	return 0;
}
`,
  check: (flow, { code }) => {
    const bad = exits(flow).filter(
      (o) =>
        isShortCount(o) &&
        meansZeroIsSuccess(flow, o) &&
        !givesOne(functionAround(code, o.set.call.start)) &&
        !givesOne(functionAround(code, o.range.start)),
    );
    return firstPerKey(bad, (o) => `${o.set.call.start}|${o.range.start}`).map(finding);
  },
};

/** Fewer pages came back than were asked for, none of them is held any more, and their number is returned. */
function isShortCount({ set, returns }: ExitObservation): boolean {
  const given = returns?.t === 'int' ? returns.n : 0;
  return set.result < set.nr && given === set.result && !set.slots.includes('held');
}

/** In the small world a short count is 1, and nothing tells it from a 1 that the function returns of its own accord. */
function givesOne(code: string): boolean {
  if (/\breturn\s*\(?\s*1\s*\)?\s*;/.test(code)) return true;
  return [...code.matchAll(/\b(\w+)\s*=\s*1\s*;/g)].some(([, name]) =>
    new RegExp(`\\breturn\\s*\\(?\\s*${name}\\b`).test(code),
  );
}

/** The function around a place: from the last closing brace in the first column to the next one. */
function functionAround(code: string, at: number): string {
  const end = code.indexOf('\n}', at);
  return code.slice(code.lastIndexOf('\n}', at) + 1, end < 0 ? undefined : end);
}

/** With all pages acquired the function returns 0 on some path, and on none a positive number. */
function meansZeroIsSuccess(flow: FunctionFlow, o: ExitObservation): boolean {
  const full = exits(flow).filter(({ set }) => set.call === o.set.call && set.result === set.nr);
  const numbers = full.map(({ returns }) => (returns?.t === 'int' ? returns.n : undefined));
  return numbers.includes(0) && !numbers.some((n) => n !== undefined && n > 0);
}

function finding(o: ExitObservation): Finding {
  const name = called(o.set.model.name);
  const message = `When ${name} acquires fewer pages than asked for, their number is returned here, where 0 means success and a negative number an error: a positive number passes every test for a negative one. Return -EFAULT for a short count.`;
  const related = [{ range: rangeOf(o.set.call), message: 'may acquire fewer pages than asked for' }];
  return pathFinding('GUP403', o, { range: rangeOf(o.range), function: o.within }, message, related);
}
