import type { ContextObservation } from '../flow/context/observation.ts';
import { called } from './evidence/apis.ts';
import { callFinding } from './evidence/findings.ts';
import { contexts } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const noUserMm: Rule = {
  code: 'GUP112',
  name: 'no-user-mm',
  summary:
    'pages of the calling process are acquired where there is none: in a kernel thread, a work item or an interrupt',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-86',
  rationale:
    "All of these functions but the _remote ones walk the page tables of current->mm. A kernel thread and a work item have none: the call dereferences NULL or, in an interrupt, works on the memory of whatever process was interrupted. Code that needs a user's memory later keeps the mm (mmget() and mmput()) and names it, or adopts it with kthread_use_mm().",
  bad: `static void load_work(struct work_struct *work)
{
	struct load *l = container_of(work, struct load, work);
	struct page *page;

	if (pin_user_pages_fast(l->uaddr, 1, 0, &page) == 1) {
		memcpy_from_page(l->data, page, 0, PAGE_SIZE);
		unpin_user_page(page);
	}
}

static void load_init(struct load *l)
{
	INIT_WORK(&l->work, load_work);
}
`,
  good: `static void load_work(struct work_struct *work)
{
	struct load *l = container_of(work, struct load, work);
	struct page *page;
	int locked = 1;

	mmap_read_lock(l->mm);
	if (pin_user_pages_remote(l->mm, l->uaddr, 1, 0, &page, &locked) == 1) {
		memcpy_from_page(l->data, page, 0, PAGE_SIZE);
		unpin_user_page(page);
	}
	if (locked)
		mmap_read_unlock(l->mm);
}

static void load_init(struct load *l)
{
	INIT_WORK(&l->work, load_work);
}
`,
  check: (flow) => contexts(flow).flatMap(findings),
};

function findings(o: ContextObservation): Finding[] {
  if (o.model === undefined || !o.ofCurrent) return [];
  // The lockless functions are made for interrupts that look at the process they came in.
  const origin = o.callers.origins.find(
    (each) => each.kind === 'thread' || (each.kind === 'atomic' && o.sleeps),
  );
  if (origin === undefined) return [];
  const name = called(o.call.fn);
  const through = origin.function === o.within ? '' : ` through ${called(origin.function)}`;
  const what = origin.kind === 'atomic' ? 'current is whoever was interrupted' : 'current->mm is NULL there';
  const remote = `${o.model.kind}_user_pages_remote()`;
  const message = `${name} works on current->mm, but runs in ${origin.what}${through}: ${what}. Keep the mm with mmget() and use ${remote}, or acquire the pages before the work is queued.`;
  return [callFinding('GUP112', o, origin.only ? 'certain' : 'likely', message)];
}
