/**
 * What decides where a call may sleep and which mm it works on, as data: locks, functions that sleep, and who calls a
 * function that is registered somewhere. Source: include/linux/{spinlock,rcupdate,mmap_lock,interrupt,workqueue}.h.
 */

/** Something that makes the code until its end atomic: no call in it may sleep. */
export interface AtomicLock {
  /** Locks of one family are ended by functions of the same family. */
  readonly family: string;
  readonly does: 'begin' | 'end' | 'try';
}

const LOCKS: readonly (readonly [RegExp, string, AtomicLock['does']])[] = [
  [/^(raw_)?spin_lock(_nested|_bh|_irq|_irqsave|_irqsave_nested|_nest_lock)?$/, 'spin', 'begin'],
  [/^(raw_)?spin_unlock(_bh|_irq|_irqrestore)?$/, 'spin', 'end'],
  [/^(raw_)?spin_trylock(_bh|_irq|_irqsave)?$/, 'spin', 'try'],
  [/^(raw_)?(read|write)_lock(_bh|_irq|_irqsave)?$/, 'rwlock', 'begin'],
  [/^(raw_)?(read|write)_unlock(_bh|_irq|_irqrestore)?$/, 'rwlock', 'end'],
  [/^(raw_)?(read|write)_trylock$/, 'rwlock', 'try'],
  [/^write_seqlock(_bh|_irq|_irqsave)?$/, 'seqlock', 'begin'],
  [/^write_sequnlock(_bh|_irq|_irqrestore)?$/, 'seqlock', 'end'],
  [/^rcu_read_lock(_bh|_sched)?$/, 'rcu', 'begin'],
  [/^rcu_read_unlock(_bh|_sched)?$/, 'rcu', 'end'],
  [/^local_irq_(save|disable)$/, 'irq', 'begin'],
  [/^local_irq_(restore|enable)$/, 'irq', 'end'],
  [/^local_bh_disable$/, 'bh', 'begin'],
  [/^local_bh_enable$/, 'bh', 'end'],
  [/^(preempt_disable|get_cpu|get_cpu_ptr|get_cpu_var)$/, 'preempt', 'begin'],
  [/^(preempt_enable|preempt_enable_no_resched|put_cpu|put_cpu_ptr|put_cpu_var)$/, 'preempt', 'end'],
  [/^kmap_atomic(_prot|_pfn)?$/, 'kmap', 'begin'],
  [/^kunmap_atomic$/, 'kmap', 'end'],
  [/^bit_spin_lock$/, 'bit', 'begin'],
  [/^bit_spin_unlock$/, 'bit', 'end'],
  [/^task_lock$/, 'task', 'begin'],
  [/^task_unlock$/, 'task', 'end'],
  [/^pte_offset_map_lock$/, 'pte', 'begin'],
  [/^pte_unmap_unlock$/, 'pte', 'end'],
];

/** Words of the above; a function without one takes no such lock. */
export const ATOMIC_WORD =
  /\b((raw_)?(spin|read|write)_(try)?lock|write_seqlock|rcu_read_lock|local_irq_|local_bh_|preempt_disable|get_cpu|kmap_atomic|bit_spin_lock|task_lock|pte_offset_map_lock|guard)/;

/** Functions that are read for their locks: the answers are few names, asked again and again. */
const known = new Map<string, AtomicLock | undefined>();

export function atomicLock(fn: string): AtomicLock | undefined {
  if (!known.has(fn)) {
    const row = LOCKS.find(([name]) => name.test(fn));
    known.set(fn, row === undefined ? undefined : { family: row[1], does: row[2] });
  }
  return known.get(fn);
}

/** Classes of include/linux/cleanup.h's guards whose scope is atomic. */
export const ATOMIC_GUARD =
  /^((raw_)?spinlock(_irq|_irqsave|_bh|_nested)?|(raw_)?spinlock_(irq|irqsave|bh)_try|read_lock(_irq|_irqsave)?|write_lock(_irq|_irqsave)?|rcu|preempt|preempt_notrace|irq|irqsave|task_lock)$/;

export interface MmapLock {
  readonly does: 'lock' | 'killable' | 'try' | 'unlock' | 'assert';
}

/** As portability layers call them, too: `my_mmap_read_lock`. */
const BY_NAME = /^(?:\w+_)?mmap_(?:read|write)_(lock|trylock|unlock|lock_killable|lock_nested|downgrade)$/i;
/** `MY_MM_DOWN_READ(mm)`, `my_down_read_mmap_lock(mm)`. */
const BY_SEMAPHORE =
  /^(?:\w+_)?(?:mm|mmap|mmap_sem|mmap_lock)_(down|up)_(?:read|write)$|^(?:\w+_)?(down|up)_(?:read|write)_mm(?:ap)?(?:_sem|_lock)?$/i;

/** Lock functions of an mm: since 5.8 by name, before that on `mm->mmap_sem`. `arg` is the first argument's text. */
export function mmapLock(fn: string, arg: string): MmapLock | undefined {
  const name = BY_NAME.exec(fn)?.[1]?.toLowerCase();
  if (name !== undefined) {
    if (name === 'unlock') return { does: 'unlock' };
    if (name === 'trylock') return { does: 'try' };
    return { does: name === 'lock_killable' ? 'killable' : 'lock' };
  }
  const own = BY_SEMAPHORE.exec(fn);
  if (own !== null) return { does: (own[1] ?? own[2])!.toLowerCase() === 'up' ? 'unlock' : 'lock' };
  if (/^mmap_assert(_write)?_locked$/.test(fn) || fn === 'lockdep_assert_held') return { does: 'assert' };
  if (!/mmap_(sem|lock)\b/.test(arg)) return undefined;
  const semaphore = /^(down|up)_(read|write)(_killable|_trylock|_nested|_non_owner)?$/.exec(fn);
  if (semaphore !== null) {
    if (semaphore[1] === 'up') return { does: 'unlock' };
    return { does: semaphore[3] === '_killable' ? 'killable' : 'lock' };
  }
  return /^down_(read|write)_trylock$/.test(fn) ? { does: 'try' } : undefined;
}

/** Words of the above. */
export const MMAP_WORD =
  /mmap_(read|write|assert|sem|lock)|guard\s*\(\s*mmap_|lock_mm_and_find_vma|_mm(ap)?_(down|up)_|(down|up)_(read|write)_mm/i;

/** Functions besides the acquiring ones that take the page lock, and so sleep; `dirty` decides where it is given. */
export const SLEEPS: ReadonlyMap<string, { readonly dirty?: number }> = new Map([
  ['set_page_dirty_lock', {}],
  ['folio_mark_dirty_lock', {}],
  ['unpin_user_pages_dirty_lock', { dirty: 2 }],
  ['unpin_user_page_range_dirty_lock', { dirty: 2 }],
  ['put_user_pages_dirty_lock', { dirty: 2 }],
]);

/** Who calls a function: `atomic` in an interrupt or the like, `thread` a kernel thread, `user` a system call. */
export type RoleKind = 'atomic' | 'thread' | 'user' | 'under-mmap-lock';

/** Functions that register a callback, and the position of the callback. */
export const REGISTRATIONS: readonly (readonly [
  names: string,
  argument: number,
  role: RoleKind,
  what: string,
])[] = [
  ['request_irq request_percpu_irq', 1, 'atomic', 'an interrupt handler'],
  ['devm_request_irq pci_request_irq', 2, 'atomic', 'an interrupt handler'],
  ['request_threaded_irq', 1, 'atomic', 'an interrupt handler'],
  ['devm_request_threaded_irq', 2, 'atomic', 'an interrupt handler'],
  ['request_threaded_irq', 2, 'thread', 'an interrupt thread'],
  ['devm_request_threaded_irq', 3, 'thread', 'an interrupt thread'],
  ['timer_setup setup_timer __setup_timer DEFINE_TIMER timer_setup_on_stack', 1, 'atomic', 'a timer'],
  ['hrtimer_setup', 1, 'atomic', 'a timer'],
  ['tasklet_init tasklet_setup DECLARE_TASKLET DECLARE_TASKLET_OLD', 1, 'atomic', 'a tasklet'],
  ['call_rcu call_rcu_hurry', 1, 'atomic', 'an RCU callback'],
  ['init_irq_work', 1, 'atomic', 'interrupt work'],
  ['on_each_cpu smp_call_function', 0, 'atomic', 'a cross-CPU call'],
  ['smp_call_function_single', 1, 'atomic', 'a cross-CPU call'],
  ['usb_fill_bulk_urb usb_fill_int_urb', 5, 'atomic', "an URB's completion handler"],
  ['usb_fill_control_urb', 6, 'atomic', "an URB's completion handler"],
  ['INIT_WORK INIT_DELAYED_WORK DECLARE_WORK DECLARE_DELAYED_WORK', 1, 'thread', 'a work item'],
  ['INIT_WORK_ONSTACK INIT_DEFERRABLE_WORK INIT_RCU_WORK', 1, 'thread', 'a work item'],
  ['kthread_init_work kthread_init_delayed_work', 1, 'thread', 'work of a kernel thread'],
  ['kthread_run kthread_create kthread_create_on_node kthread_create_on_cpu', 0, 'thread', 'a kernel thread'],
  ['kthread_run_on_cpu kernel_thread', 0, 'thread', 'a kernel thread'],
];

/** Members of structures that hold a callback; some mean it only in a file that has the word. */
export const CALLBACKS: readonly (readonly [members: string, role: RoleKind, what: string, word?: string])[] =
  [
    ['bi_end_io', 'atomic', "a bio's completion handler"],
    ['function', 'atomic', 'a timer', 'hrtimer'],
    ['complete', 'atomic', "an URB's completion handler", 'urb'],
    ['ndo_start_xmit', 'atomic', 'a transmit function'],
    ['unlocked_ioctl compat_ioctl ioctl', 'user', 'an ioctl'],
    ['read write read_iter write_iter open release flush poll', 'user', 'a file operation'],
    ['mmap fault huge_fault page_mkwrite pfn_mkwrite access', 'under-mmap-lock', 'an operation on a vma'],
  ];

/** From here on the thread has a user's mm: kthread_use_mm(), use_mm() before 5.8. */
export const ADOPTS_MM = /\b(kthread_use_mm|use_mm)\s*\(/;
