import type {
  ContextObservation,
  DroppedLockObservation,
  LeftLockedObservation,
} from '../flow/context/observation.ts';
import { isSince } from '../flow/kernel/presence.ts';
import type { KernelVersion } from '../syntax/preprocess/version.ts';
import { called } from './evidence/apis.ts';
import { callFinding, firstPerKey, rangeOf } from './evidence/findings.ts';
import { contexts } from './evidence/observations.ts';
import type { Finding } from './finding.ts';
import type { Rule } from './rule.ts';

export const mmapLock: Rule = {
  code: 'GUP107',
  name: 'mmap-lock',
  summary: 'mmap_lock is not held where it must be, or held where the call takes it, dropped twice or never',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-86',
  rationale:
    'get_user_pages(), pin_user_pages() and their _remote forms walk vmas that only stay while mmap_lock is held; the _fast and _unlocked forms take it themselves, so that a caller who holds it waits for itself as soon as a writer stands between. With a locked pointer the call may drop the lock: whoever then unlocks without looking unlocks what somebody else holds, and every vma that was looked up before is gone. Where a path returns with the lock, every later mmap(), munmap() or fault of the process that needs it for writing waits for ever.',
  bad: `static int grab(struct mm_struct *mm, unsigned long uaddr, struct page **pages, int n)
{
	int locked = 1;
	long got;

	mmap_read_lock(mm);
	got = pin_user_pages_remote(mm, uaddr, n, FOLL_WRITE, pages, &locked);
	mmap_read_unlock(mm);
	return got;
}
`,
  good: `static int grab(struct mm_struct *mm, unsigned long uaddr, struct page **pages, int n)
{
	int locked = 1;
	long got;

	mmap_read_lock(mm);
	got = pin_user_pages_remote(mm, uaddr, n, FOLL_WRITE, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return got;
}
`,
  check: (flow, { kernel }) => [
    ...contexts(flow).flatMap((o) => findings(o, kernel)),
    ...firstPerKey(
      flow.observations.filter((o) => o.what === 'dropped-lock'),
      (o) => `${o.event}|${o.call.start}`,
    ).map(dropped),
    ...firstPerKey(
      flow.observations.filter((o) => o.what === 'left-locked'),
      (o) => `${o.range.start}`,
    ).map((o) => leftLocked(o, kernel)),
  ],
};

/** Lock and unlock under the names of the target kernel. */
function lockNames(kernel: KernelVersion): { lock: string; unlock: string } {
  return isSince(kernel, '5.8')
    ? { lock: 'mmap_read_lock(mm)', unlock: 'mmap_read_unlock(mm)' }
    : { lock: 'down_read(&mm->mmap_sem)', unlock: 'up_read(&mm->mmap_sem)' };
}

function findings(o: ContextObservation, kernel: KernelVersion): Finding[] {
  const { model, mmap, callers } = o;
  if (model === undefined) return [];
  const name = called(o.call.fn);
  const { lock, unlock } = lockNames(kernel);
  if (!needsLock(o)) {
    if (mmap.s !== 'held' || !o.mmapIsCurrent || !o.sleeps || !takesLock(o)) return [];
    const message = `${name} takes mmap_lock of the calling process, which is held here: the two wait for each other as soon as a writer stands between them. Call it before the lock is taken, or use ${model.kind}_user_pages().`;
    return [
      callFinding('GUP107', o, 'certain', message, [{ range: rangeOf(mmap.range), message: 'taken here' }]),
    ];
  }
  const instead = model.name.includes('remote') ? '' : `, or use ${model.kind}_user_pages_fast()`;
  const must = `${name} walks vmas, which only stay while mmap_lock is held`;
  if (mmap.s === 'released') {
    const message = `${must}, but it has been dropped before: the vma may be freed meanwhile. Call it before ${unlock}${instead}.`;
    return [
      callFinding('GUP107', o, 'certain', message, [{ range: rangeOf(mmap.range), message: 'dropped here' }]),
    ];
  }
  if (mmap.s !== 'start' || callers.takeMmapLock) return [];
  if (o.mmapLater !== undefined) {
    const message = `${must}, and this function takes it only afterwards. Take it with ${lock} around the call${instead}.`;
    const related = [{ range: rangeOf(o.mmapLater), message: 'taken only here' }];
    return [callFinding('GUP107', o, 'certain', message, related)];
  }
  const message = `${must}, and ${callers.fromUserOnly ? 'nothing on the way from user space takes it' : 'no caller in this file takes it'}. Take it with ${lock} around the call${instead}.`;
  return [callFinding('GUP107', o, callers.fromUserOnly ? 'certain' : 'possible', message)];
}

function needsLock(o: ContextObservation): boolean {
  return o.model!.underMmapLock;
}

/** Functions that lock current->mm themselves: the _fast and _unlocked forms. */
function takesLock(o: ContextObservation): boolean {
  return o.ofCurrent && /_fast$|_unlocked$/.test(o.model!.name);
}

function dropped(o: DroppedLockObservation): Finding {
  const name = called(o.call.fn);
  const message =
    o.event === 'unlock'
      ? `${name} may have dropped mmap_lock and cleared ${o.variable}: this unlock does not look at it, and then releases a lock that is not held. Write if (${o.variable}) before it.`
      : `${name} may have dropped mmap_lock and cleared ${o.variable}: the vma that was looked up before may be gone. Look it up again where ${o.variable} is 0, after taking the lock.`;
  const at = rangeOf(o.call);
  return {
    code: 'GUP107',
    certainty: 'certain',
    message,
    range: rangeOf(o.range),
    function: o.within,
    api: o.call.fn!,
    site: { function: o.within, range: at },
    related: [{ range: at, message: 'may drop the lock' }],
  };
}

function leftLocked(o: LeftLockedObservation, kernel: KernelVersion): Finding {
  const { unlock } = lockNames(kernel);
  const drop = o.forWriting ? unlock.replace('read', 'write') : unlock;
  const range = rangeOf(o.range);
  return {
    code: 'GUP107',
    certainty: 'certain',
    message: `The mmap_lock that is taken for ${called(o.call.fn)} is still held when ${called(o.within)} returns here: whoever maps or unmaps memory of this process waits for ever. Write ${drop} before this return, as on the other ways out.`,
    range,
    function: o.within,
    api: o.call.fn!,
    site: { function: o.within, range },
    related: [{ range: rangeOf(o.lock), message: 'taken here' }],
  };
}
