import type { ExitObservation } from '../flow/run/observation.ts';
import { called } from './evidence/apis.ts';
import { registersNotifier } from './evidence/devices.ts';
import { firstPerKey, pathFinding, rangeOf } from './evidence/findings.ts';
import { exits } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const notifierPin: Rule = {
  code: 'GUP205',
  name: 'notifier-pin',
  summary: 'pages stay pinned although an MMU notifier keeps the range coherent (CASE 3)',
  defaultLevel: 'note',
  documentSection: 'CASE 3: MMU notifier registration, with or without page faulting hardware',
  documentLines: '158-173',
  since: '5.6',
  rationale:
    'A driver that registers an MMU notifier for the range is told before the kernel takes a page away. If it stops the device and releases the pages in its invalidate callback, it is in step with the file system and with mm, and neither FOLL_PIN nor FOLL_LONGTERM need be set. A pin that the callback does not drop makes the notifier useless: the kernel waits for the pin instead.',
  bad: `static int mirror_pages(struct mirror *m, unsigned long uaddr)
{
	int ret = mmu_interval_notifier_insert(&m->notifier, current->mm, uaddr, PAGE_SIZE, &mirror_ops);

	if (ret)
		return ret;
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE, &m->page) != 1)
		return -EFAULT;
	return 0;
}
`,
  good: `static int mirror_pages(struct mirror *m, unsigned long uaddr)
{
	int ret = mmu_interval_notifier_insert(&m->notifier, current->mm, uaddr, PAGE_SIZE, &mirror_ops);

	if (ret)
		return ret;
	if (get_user_pages_fast(uaddr, 1, FOLL_WRITE, &m->page) != 1)
		return -EFAULT;
	return 0;
}
`,
  check: (flow, context) => {
    const kept = exits(flow).filter(
      (o) =>
        o.set.kind === 'pin' &&
        o.owner === 'object' &&
        o.set.result === o.set.nr &&
        o.set.slots.every((s) => s === 'held'),
    );
    if (kept.length === 0 || !registersNotifier(context)) return [];
    return firstPerKey(kept, (o) => `${o.set.call.start}`).map(finding);
  },
};

function finding(o: ExitObservation): Finding {
  const { set } = o;
  const message = `${called(set.model.name)} pins pages that are kept, and this file registers an MMU notifier: if its invalidate callback stops the device and releases the pages, neither FOLL_PIN nor FOLL_LONGTERM need be set (CASE 3); if it does not release them, the kernel waits for the pin. Release in the callback, or leave one of the two away.`;
  const at = { range: rangeOf(set.call), function: set.within };
  return { ...pathFinding('GUP205', o, at, message, []), certainty: 'likely' };
}
