import type { AtomicPlace, ContextObservation } from '../flow/context/observation.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called, hasNoPins } from './evidence/apis.ts';
import { callFinding } from './evidence/findings.ts';
import { contexts } from './evidence/observations.ts';
import type { Finding, RelatedPlace } from './finding.ts';
import type { Rule } from './rule.ts';

export const atomicContext: Rule = {
  code: 'GUP108',
  name: 'atomic-context',
  summary: 'a call that may sleep stands where nothing may sleep',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-86',
  rationale:
    'get_user_pages*() and pin_user_pages*() take mmap_lock and fault pages in from disk: they sleep. So do set_page_dirty_lock() and unpin_user_pages_dirty_lock() with make_dirty, which take the page lock. Under a spinlock, in an RCU section, with interrupts or preemption off, between kmap_atomic() and kunmap_atomic(), in an interrupt, a timer or a bio completion the scheduler must not be entered: the machine deadlocks or warns "sleeping function called from invalid context".',
  bad: `static int attach(struct queue *q, unsigned long uaddr)
{
	struct page *page;
	int got;

	spin_lock(&q->lock);
	got = get_user_pages_fast(uaddr, 1, 0, &page);
	if (got == 1) {
		q->sum += page_zonenum(page);
		put_page(page);
	}
	spin_unlock(&q->lock);
	return got == 1 ? 0 : -EFAULT;
}
`,
  good: `static int attach(struct queue *q, unsigned long uaddr)
{
	struct page *page;
	int got;

	got = get_user_pages_fast(uaddr, 1, 0, &page);
	if (got != 1)
		return -EFAULT;
	spin_lock(&q->lock);
	q->sum += page_zonenum(page);
	spin_unlock(&q->lock);
	put_page(page);
	return 0;
}
`,
  check: (flow, { kernel }) => contexts(flow).flatMap((o) => (o.sleeps ? findings(o, kernel) : [])),
};

function findings(o: ContextObservation, kernel: KernelVersion): Finding[] {
  const { callers } = o;
  const innermost = o.atomic.at(-1);
  if (innermost !== undefined) {
    const where =
      innermost.by === 'kmap_atomic'
        ? 'between kmap_atomic() and kunmap_atomic()'
        : `under ${place(innermost)}`;
    return [callFinding('GUP108', o, 'certain', message(o, where, kernel), relatedTo(innermost))];
  }
  const origin = callers.origins.find((each) => each.kind === 'atomic');
  if (origin === undefined) return [];
  const where =
    origin.function === o.within
      ? `in ${origin.what}`
      : `in ${origin.what}, reached through ${called(origin.function)}`;
  // Somebody else calls it too: a condition may keep the two apart.
  return [callFinding('GUP108', o, origin.only ? 'certain' : 'likely', message(o, where, kernel))];
}

function place({ by }: AtomicPlace): string {
  return by.includes('(') ? by : called(by);
}

function relatedTo({ range, via }: AtomicPlace): RelatedPlace[] {
  const begins = { range, message: 'from here on nothing may sleep' };
  return via === undefined ? [begins] : [begins, { range: via.range, message: 'called from here' }];
}

function message(o: ContextObservation, where: string, kernel: KernelVersion): string {
  const name = called(o.call.fn);
  if (o.model === undefined)
    return `${name} takes the page lock, which may sleep, ${where}: the scheduler is entered where that is forbidden. Mark the pages dirty from a work item or after unlocking${hasNoPins(kernel) ? '' : '; unpin_user_pages() and unpin_user_pages_dirty_lock() with make_dirty false do not sleep'}.`;
  const cure = o.model.kind === 'get' ? ', or use get_user_pages_fast_only()' : '';
  return `${name} takes mmap_lock and faults pages in, which may sleep, ${where}: the scheduler is entered where that is forbidden, whatever flags are passed. Acquire the pages before${cure}.`;
}
