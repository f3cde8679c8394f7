/**
 * Who calls what stands in the kernel's tables of operations, and what is registered as a callback, as data. Sources:
 * include/linux/fs.h, mm.h, mmu_notifier.h, interrupt.h, workqueue.h, timer.h, kref.h, bio.h, dmaengine.h, usb.h.
 */

/**
 * `close`: userspace closes, unmaps or exits. `remove`: the device or module goes. `release-call`: a command that by its
 * name undoes something. `request`: a command, or a write, which userspace calls as often as it likes. `call`: any other call of userspace's. `completion`: interrupt, work, timer, end of I/O.
 * `notifier`: an MMU notifier's callback. `unknown`: a callback of some other kind. `exported`: other files may call it.
 */
export type Role =
  | 'close'
  | 'remove'
  | 'release-call'
  | 'request'
  | 'call'
  | 'completion'
  | 'notifier'
  | 'unknown'
  | 'exported';

const MEMBERS: readonly (readonly [RegExp, Role])[] = [
  [/^invalidate(_\w+)?$|^alloc_notifier$|^free_notifier$/, 'notifier'],
  [
    /^(release|close|flush|(pre|post|last)_?close|vm_close|unmap|unmap_dma_buf|detach(_\w+)?|destroy(_\w+)?|dereg_\w+|dealloc_\w+|kill_sb|put_super|stop_streaming|buf_cleanup|disconnect)$/,
    'close',
  ],
  [/^(\w+_)?(free|destroy|release|close|unregister|detach)(_(vm|vcpu|ctx|context|memslot))?$/, 'close'],
  [/(^|_)(un|de)reg(ister)?(_\w+)?$/, 'close'],
  [/(^|_)reg(ister)?(_\w+)?$/, 'call'],
  [/^(probe|remove(_new)?|shutdown|exit|unbind|fini|teardown|suspend|freeze)$/, 'remove'],
  [/^(unlocked_|compat_)?ioctl$|^vidioc_\w+$|^uring_cmd$/, 'request'],
  [
    /^(read|write|read_iter|write_iter|open|mmap|poll|fault|huge_fault|llseek|splice_\w+|show|store|get|set|sendmsg|recvmsg|setsockopt|getsockopt|bind|connect|fsync|direct_IO|attach\w*)$/,
    'call',
  ],
  [
    /^(bi_end_io|end_io|callback|callback_result|complete\w*|done|handler|thread_fn|irq_handler|func|function|work|timer|poll_cq|comp_handler|\w+_done|\w+_complete|\w+_callback)$/,
    'completion',
  ],
];

/** Role of a function in member `member` of a table of type `table`. */
export function memberRole(member: string, table: string | undefined): Role {
  if (table === 'file_operations' && /^(read|write)(_iter)?$/.test(member)) return 'request';
  if (table !== undefined && /mmu_(interval_)?notifier_ops/.test(table)) return 'notifier';
  return MEMBERS.find(([name]) => name.test(member))?.[1] ?? 'unknown';
}

const REGISTRARS: readonly (readonly [RegExp, Role])[] = [
  [
    /irq|(^|_)(INIT_|DECLARE_|init_)?(delayed_|DELAYED_|DEFERRABLE_)?(work|WORK)\w*$|timer|TIMER|tasklet|TASKLET|_urb$|^kthread_|napi|_cb$|callback|fence|^async_|complet/,
    'completion',
  ],
  [/^module_exit$|exitcall$|^devm_add_action\w*$|^drmm_add_action\w*$|^module_\w*driver$/, 'remove'],
];

/** Role of a function whose address is an argument of `registrar`. */
export function registrarRole(registrar: string): Role {
  return REGISTRARS.find(([name]) => name.test(registrar))?.[1] ?? 'unknown';
}

/** Functions that call what they are given: the caller decides when (a last reference, a grace period, each element). */
export function isKeptByCaller(name: string): boolean {
  return /^(kref_put\w*|refcount_dec_and\w*|call_s?rcu\w*|call_rcu_tasks\w*|(idr|xa|bus|driver|class|device|radix_tree|list)_for_each\w*|rhashtable_free_and_destroy|on_each_cpu\w*|stop_machine\w*|if|while|return|unlikely|likely|WARN_ON\w*)$/.test(
    name,
  );
}

/** Whether a command or function, by its name, undoes what another has set up. */
export function releasesByName(name: string): boolean {
  return /(^|_)(un(map|pin|reg|register|lock|set|bind|share|mmap|use|prepare)|de(reg|register|stroy|tach|alloc|queue|l|lete|init|activate)|free|remove|release|close|put|stop|disable|clear|fini|finali[sz]e|teardown|exit|cleanup|uninit|reset|run_down|disconnect|revoke)(_|$|[A-Z0-9])/i.test(
    name,
  );
}

/**
 * Whether a function that other files call ends, by its name, what userspace has set up before, and is no part of a
 * request's way through the driver.
 */
export function endsByName(name: string): boolean {
  if (
    /(^|_)(req|request|job|xfer|transfer|io|dio|rw|cmd|command|pkt|packet|msg|bio|op|sgl?)s?(_|$)/.test(name)
  )
    return false;
  if (name.endsWith('_ioctl')) return releasesByName(name);
  return /(^|_)(close|deinit|uninit|fini|finali[sz]e|destroy|(un|de)reg(ister)?|disconnect|teardown|cleanup|shutdown|munmap)(_|$)/.test(
    name,
  );
}

/** Whether a function that other files call is told, by its name, of the end of a transfer: `transfer_complete_cb`. */
export function completesByName(name: string): boolean {
  return /(^|_)(complet(e|ed|ion)|done|finish(ed)?|end_?io|isr|irq|intr|interrupt|callback|cb)(_|$)/.test(
    name,
  );
}

/**
 * What charges pages to the user's limit on locked memory (RLIMIT_MEMLOCK; mm/util.c, include/linux/mm_types.h): done for
 * pages that stay for as long as their user likes.
 */
export const CHARGES =
  /\b(?:pinned_vm|locked_vm|_*account_locked_vm|mm_account_pinned_pages|RLIMIT_MEMLOCK)\b/;
