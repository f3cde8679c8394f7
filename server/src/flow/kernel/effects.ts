/**
 * What kernel helpers do to pages, as data. Numbers are argument positions. A helper that is not listed here, nor
 * defined in the file, is unknown: what it receives has escaped.
 */
import type { ReleaseApi } from '#engine/protocol/steps.ts';
import { DEVICE_ROWS, type DeviceEffect, isHypervisorCall, isRegisterWrite } from './devices.ts';

export type Effect =
  | DeviceEffect
  /** Releases one page (or folio), or `count` entries of an array. */
  | {
      readonly does: 'release';
      readonly api: ReleaseApi;
      readonly page: number;
      readonly count?: number;
      readonly dirty?: number;
    }
  | {
      readonly does: 'release-array';
      readonly api: ReleaseApi;
      readonly pages: number;
      readonly count: number;
      readonly dirty?: number;
    }
  | { readonly does: 'dirty'; readonly page: number; readonly locked: boolean }
  /** Returns a kernel address of the page's data. */
  | { readonly does: 'map'; readonly page: number }
  | { readonly does: 'map-array'; readonly pages: number }
  /** Reads or writes data through a kernel address. */
  | { readonly does: 'read' | 'write'; readonly data: number }
  /** Reads or writes a page's data, given the page. */
  | { readonly does: 'read-page' | 'write-page'; readonly page: number }
  /** Returns its argument, for what pages are concerned (page_folio, compound_head, kmap arithmetic). */
  | { readonly does: 'same'; readonly arg: number }
  /** Returns a pfn, physical address, sg entry … from which the page can be found again. */
  | { readonly does: 'handle'; readonly arg: number }
  /** Returns a page frame number as an address, or the other way round. */
  | { readonly does: 'renumber'; readonly arg: number }
  /** Returns the page of an address or a handle. */
  | { readonly does: 'page-of'; readonly arg: number }
  | { readonly does: 'extra-ref'; readonly page: number }
  /** Takes over the caller's reference, given the page or its number. */
  | { readonly does: 'take-over'; readonly page: number }
  /** Puts an object where others find it: a list, a tree, an index. It keeps what it holds. */
  | { readonly does: 'keep'; readonly object: number }
  /** Frees memory: what an array of pages led to is led to by nothing any more. */
  | { readonly does: 'free'; readonly memory: number }
  | { readonly does: 'page-lock' | 'page-unlock'; readonly page: number }
  | { readonly does: 'mmap-lock' | 'mmap-unlock' }
  /** Tells whether an iov_iter is the user's (`user-backed`: true means yes) or the kernel's. */
  | { readonly does: 'is-user-backed' | 'is-kernel-backed'; readonly always?: boolean }
  /** Makes an iov_iter of a user's or of the kernel's memory. */
  | { readonly does: 'user-iterator' | 'kernel-iterator' }
  /** Returns a number that is known where its argument leads to an acquired page. */
  | { readonly does: 'known-of-page'; readonly arg: number; readonly value: number }
  /** Returns its arguments rounded: a count of units, or a multiple of one. The unit is PAGE_SIZE unless given. */
  | { readonly does: 'round'; readonly how: Rounding }
  /** Returns its argument negated or reinterpreted as an error pointer, or tests for one. */
  | { readonly does: 'err-ptr' | 'ptr-err' | 'is-err' | 'is-err-or-null'; readonly arg: number }
  /** Returns the smaller or the larger of its last two arguments. */
  | { readonly does: 'min' | 'max' }
  /** Returns the truth of its argument (WARN_ON and friends). */
  | { readonly does: 'truth' };

/** `n / unit` rounded up or down, the multiple of `unit` above or below, or what is above the multiple below. */
export type Rounding = 'count-up' | 'count-down' | 'multiple-up' | 'multiple-down' | 'rest';

const table = new Map<string, readonly Effect[]>();

function add(names: string, ...effects: Effect[]): void {
  for (const name of names.split(' ')) table.set(name, effects);
}

// Releases: mm/swap.c, mm/gup.c.
add('put_page page_cache_release', { does: 'release', api: 'put_page', page: 0 });
add('put_user_page unpin_user_page', { does: 'release', api: 'unpin_user_page', page: 0 });
add('folio_put', { does: 'release', api: 'folio_put', page: 0 });
add('folio_put_refs', { does: 'release', api: 'folio_put', page: 0, count: 1 });
add('__free_page', { does: 'release', api: '__free_page', page: 0 });
add('__free_pages', { does: 'release', api: '__free_page', page: 0 });
add('unpin_folio', { does: 'release', api: 'unpin_folio', page: 0 });
add('unpin_user_folio', { does: 'release', api: 'unpin_user_folio', page: 0, count: 1 });
add('unpin_user_page_range_dirty_lock', {
  does: 'release',
  api: 'unpin_user_page_range_dirty_lock',
  page: 0,
  count: 1,
  dirty: 2,
});
add('release_pages', { does: 'release-array', api: 'release_pages', pages: 0, count: 1 });
add('put_user_pages unpin_user_pages', {
  does: 'release-array',
  api: 'unpin_user_pages',
  pages: 0,
  count: 1,
});
add('unpin_folios', { does: 'release-array', api: 'unpin_folios', pages: 0, count: 1 });
add('put_user_pages_dirty put_user_pages_dirty_lock unpin_user_pages_dirty_lock', {
  does: 'release-array',
  api: 'unpin_user_pages_dirty_lock',
  pages: 0,
  count: 1,
  dirty: 2,
});

// Dirtying: mm/page-writeback.c.
add('set_page_dirty_lock folio_mark_dirty_lock', { does: 'dirty', page: 0, locked: true });
add('set_page_dirty SetPageDirty folio_mark_dirty folio_set_dirty __set_page_dirty_nobuffers', {
  does: 'dirty',
  page: 0,
  locked: false,
});

// Addresses of a page's data: include/linux/highmem.h.
add('kmap kmap_local_page kmap_atomic kmap_local_page_prot kmap_atomic_prot', { does: 'map', page: 0 });
add('page_address page_to_virt lowmem_page_address folio_address kmap_local_folio', { does: 'map', page: 0 });
add('vmap vm_map_ram', { does: 'map-array', pages: 0 });
add('kunmap kunmap_local kunmap_atomic vunmap vm_unmap_ram __kunmap_local');

// The same page under another name.
add('page_folio compound_head folio_page nth_page', { does: 'same', arg: 0 });
add('kasan_reset_tag PTR_ALIGN untagged_addr', { does: 'same', arg: 0 });
add(
  'page_to_xen_pfn xen_page_to_gfn page_to_pfn page_to_phys page_to_bus folio_pfn virt_to_phys __pa virt_to_bus slow_virt_to_phys',
  {
    does: 'handle',
    arg: 0,
  },
);
add(
  'virt_to_page virt_to_folio kmap_to_page vmalloc_to_page pfn_to_page pfn_folio phys_to_page sg_page sg_page_iter_page kvirt_to_page',
  {
    does: 'page-of',
    arg: 0,
  },
);
add('PFN_PHYS PFN_DOWN __pfn_to_phys __phys_to_pfn', { does: 'renumber', arg: 0 });
add('pfn_to_kaddr phys_to_virt __va', { does: 'same', arg: 0 });
// What gup returns has a struct page.
add('pfn_valid', { does: 'known-of-page', arg: 0, value: 1 });
add('is_error_pfn is_noslot_pfn is_error_noslot_pfn is_sigpending_pfn', {
  does: 'known-of-page',
  arg: 0,
  value: 0,
});

// The CPU touches the data.
add('memcpy memmove __memcpy', { does: 'write', data: 0 }, { does: 'read', data: 1 });
add('memset memzero_explicit memset32 memset64 memset16 bzero clear_page clear_pages', {
  does: 'write',
  data: 0,
});
add(
  'strcpy strncpy strscpy strlcpy strcat strncat strlcat strscpy_pad',
  { does: 'write', data: 0 },
  { does: 'read', data: 1 },
);
add('sprintf snprintf scnprintf vsnprintf vscnprintf get_random_bytes memcpy_fromio memset_io', {
  does: 'write',
  data: 0,
});
add(
  'copy_from_user __copy_from_user _copy_from_user copy_from_user_nofault __copy_from_user_inatomic copy_from_iter',
  { does: 'write', data: 0 },
);
add('memcpy_toio', { does: 'read', data: 1 });
add('copy_to_user __copy_to_user _copy_to_user copy_to_user_nofault', { does: 'read', data: 1 });
add('copy_page', { does: 'write', data: 0 }, { does: 'read', data: 1 });
add(
  'set_bit clear_bit change_bit __set_bit __clear_bit __change_bit set_bit_le clear_bit_le __set_bit_le __clear_bit_le',
  {
    does: 'write',
    data: 1,
  },
);
add(
  'test_and_set_bit test_and_clear_bit test_and_set_bit_le __test_and_set_bit __test_and_clear_bit set_bit_inv',
  { does: 'write', data: 1 },
);
add('bitmap_set bitmap_clear bitmap_zero bitmap_fill __bitmap_set __bitmap_clear', {
  does: 'write',
  data: 0,
});
add(
  'put_unaligned put_unaligned_le16 put_unaligned_le32 put_unaligned_le64 put_unaligned_be16 put_unaligned_be32 put_unaligned_be64',
  {
    does: 'write',
    data: 1,
  },
);
add('atomic_set atomic_inc atomic_dec', { does: 'write', data: 0 });
add('xchg xchg_release', { does: 'write', data: 0 }, { does: 'keep', object: 1 });
add('cmpxchg cmpxchg_release', { does: 'write', data: 0 }, { does: 'keep', object: 2 });
add('memcmp strlen strnlen strcmp crc32 crc32_le', { does: 'read', data: 0 });
add(
  'memcpy_to_page memset_page zero_user zero_user_segment zero_user_segments memzero_page folio_zero_range',
  { does: 'write-page', page: 0 },
);
add(
  'clear_highpage clear_user_highpage clear_user_page clear_user_highpages memcpy_to_folio folio_zero_segment folio_zero_segments folio_fill_tail',
  { does: 'write-page', page: 0 },
);
add('copy_highpage copy_user_highpage', { does: 'write-page', page: 0 }, { does: 'read-page', page: 1 });
add('memcpy_page', { does: 'write-page', page: 0 }, { does: 'read-page', page: 2 });
add('memcpy_from_page memcpy_from_folio', { does: 'read-page', page: 1 });
// Of another process: asm-generic/cacheflush.h. Besides the page it is told where the page is mapped.
add('copy_to_user_page', { does: 'write-page', page: 1 }, { does: 'read', data: 4 });
add('copy_from_user_page', { does: 'read-page', page: 1 }, { does: 'write', data: 3 });
add('copy_page_to_iter copy_page_to_iter_nofault copy_folio_to_iter', { does: 'read-page', page: 0 });
add('copy_page_from_iter copy_page_from_iter_atomic copy_folio_from_iter copy_folio_from_iter_atomic', {
  does: 'write-page',
  page: 0,
});

// A device reaches the data.
for (const [names, ...effects] of DEVICE_ROWS) add(names, ...effects);

// Containers: include/linux/list.h, rbtree.h, xarray.h, idr.h, hashtable.h, interval_tree.h, and private data.
add(
  'list_add list_add_tail list_add_rcu list_add_tail_rcu list_move list_move_tail hlist_add_head hlist_add_head_rcu hlist_add_tail_rcu hlist_add_before hlist_add_behind llist_add rb_add rb_add_cached rb_link_node rb_insert_color rb_insert_color_cached interval_tree_insert',
  { does: 'keep', object: 0 },
);
add('list_splice list_splice_init list_splice_tail list_splice_tail_init', {
  does: 'keep',
  object: 0,
});
// The table stands first, or what is replaced.
add('hash_add hash_add_rcu list_replace list_replace_init list_replace_rcu', { does: 'keep', object: 1 });
add('idr_alloc idr_alloc_u32 idr_alloc_cyclic dev_set_drvdata platform_set_drvdata pci_set_drvdata', {
  does: 'keep',
  object: 1,
});
// An index may be keyed by the number of a page, which leads back to it.
add(
  'xa_store xa_store_irq xa_store_bh __xa_store xa_insert xa_insert_irq __xa_insert radix_tree_insert',
  { does: 'keep', object: 1 },
  { does: 'keep', object: 2 },
);
add('mtree_store mtree_insert', { does: 'keep', object: 1 }, { does: 'keep', object: 2 });
add(
  'xa_store_range mtree_store_range mtree_insert_range',
  { does: 'keep', object: 1 },
  { does: 'keep', object: 3 },
);
add('mas_store mas_store_gfp mas_store_prealloc', { does: 'keep', object: 1 });
add('xa_alloc xa_alloc_irq __xa_alloc xa_alloc_cyclic', { does: 'keep', object: 2 });

add('memory_failure soft_offline_page', { does: 'take-over', page: 0 });
// The page lock: mm/filemap.c. A lock that is only tried for counts as taken.
add('lock_page trylock_page lock_page_killable folio_lock folio_trylock folio_lock_killable', {
  does: 'page-lock',
  page: 0,
});
add('unlock_page folio_unlock', { does: 'page-unlock', page: 0 });

add('get_page folio_get folio_try_get folio_ref_add try_get_page folio_add_pin folio_add_pins', {
  does: 'extra-ref',
  page: 0,
});
add(
  'mmap_read_lock mmap_read_lock_killable mmap_write_lock mmap_write_lock_killable down_read mmap_read_trylock',
  { does: 'mmap-lock' },
);
add('mmap_read_unlock mmap_write_unlock up_read mmap_write_downgrade', { does: 'mmap-unlock' });
add('ERR_PTR ERR_CAST', { does: 'err-ptr', arg: 0 });
add('PTR_ERR PTR_ERR_OR_ZERO', { does: 'ptr-err', arg: 0 });
add('IS_ERR IS_ERR_VALUE', { does: 'is-err', arg: 0 });
add('IS_ERR_OR_NULL', { does: 'is-err-or-null', arg: 0 });
add('min min_t umin', { does: 'min' });
add('max max_t umax', { does: 'max' });
add('WARN_ON WARN_ON_ONCE WARN WARN_ONCE', { does: 'truth' });

// Iterators: include/linux/uio.h. Only pages of a user's iterator are pinned by iov_iter_extract_pages().
add('iov_iter_extract_will_pin user_backed_iter iter_is_user_backed', {
  does: 'is-user-backed',
  always: true,
});
add('iter_is_iovec iter_is_ubuf', { does: 'is-user-backed' });
add(
  'iov_iter_is_kvec iov_iter_is_bvec iov_iter_is_xarray iov_iter_is_folioq iov_iter_is_pipe iov_iter_is_discard',
  { does: 'is-kernel-backed' },
);
add('import_ubuf import_iovec import_single_range iov_iter_ubuf', { does: 'user-iterator' });
add('iov_iter_kvec iov_iter_bvec iov_iter_xarray iov_iter_folio_queue', { does: 'kernel-iterator' });

add(
  'kfree kfree_nolock kvfree kvfree_atomic vfree kfree_sensitive kvfree_sensitive kzfree drm_free_large kfree_rcu kfree_rcu_mightsleep kvfree_rcu kvfree_rcu_mightsleep',
  {
    does: 'free',
    memory: 0,
  },
);
add('free_pages_exact', { does: 'free', memory: 0 });
add('devm_kfree kmem_cache_free dma_pool_free', { does: 'free', memory: 1 });
// Memory that a device reaches as well: include/linux/dma-mapping.h.
add(
  'dma_free_coherent dma_free_attrs dma_free_wc dma_free_noncoherent dmam_free_coherent pci_free_consistent',
  { does: 'free', memory: 2 },
);

// From bytes to pages: include/linux/math.h, include/linux/pfn.h.
add('DIV_ROUND_UP DIV_ROUND_UP_ULL PFN_UP', { does: 'round', how: 'count-up' });
add('PFN_DOWN', { does: 'round', how: 'count-down' });
add('PAGE_ALIGN round_up roundup ALIGN', { does: 'round', how: 'multiple-up' });
add('PAGE_ALIGN_DOWN round_down rounddown ALIGN_DOWN', { does: 'round', how: 'multiple-down' });
add('offset_in_page', { does: 'round', how: 'rest' });

/** Effects of a kernel helper by name; an empty list for one that is known to be harmless to pages. */
export function effectsOf(name: string): readonly Effect[] | undefined {
  if (table.has(name)) return table.get(name);
  if (isHypervisorCall(name)) return [{ does: 'device-call' }];
  if (isRegisterWrite(name)) return [{ does: 'register-write' }];
  if (!harmless.has(name)) harmless.set(name, HARMLESS.test(name));
  return harmless.get(name) ? [] : undefined;
}

/** Answers of the pattern below, which is long. */
const harmless = new Map<string, boolean>();

/**
 * Helpers that neither keep, release nor touch the data of a page they are given: printing, locking, freeing of
 * something else, queries of struct page, cache maintenance, allocation.
 */
const HARMLESS = new RegExp(
  `^(${[
    '_?printk.*|seq_(printf|puts|putc|write)|print_hex_dump\\w*|dump_(page|stack)|\\w+_(dbg|debug)(_\\w+)?|pr_(err|warn|info|debug|notice|alert|crit|emerg|cont)(_ratelimited|_once)?|(dev|netdev|ibdev|drm|usb|v4l2|vfio|pci)_(err|warn|info|dbg|debug|notice)\\w*|DRM_\\w+|trace_\\w+',
    '(raw_)?(spin|read|write)_(un)?(lock|trylock)\\w*|mutex_\\w+|rcu_\\w+|down_write|up_write|rwsem\\w*|lockdep_\\w+|might_sleep\\w*|cond_resched|preempt_\\w+',
    // By their names drivers' own locks; what locks pages or memory may acquire or release them.
    '(?!\\w*(page|folio|mem|buf|user|vm|range|region|addr|dma|sg|iov|obj|pin|map))(\\w+_)?(un)?lock(_\\w+)?',
    'free_pages?|VM_(BUG|WARN)_ON\\w*',
    '(k|v|kv|kz|kvz|vz|kc|kvc)(malloc|zalloc|calloc)\\w*|kmalloc_array\\w*|kvmalloc_array\\w*|kmem_cache_\\w*alloc\\w*|devm_k\\w*alloc\\w*|__vmalloc\\w*|vmalloc\\w*|alloc_page\\w*|__get_free_page\\w*|get_zeroed_page',
    'page_to_nid|page_pgoff|(page|folio)_(?!pool_)\\w*(mapped|tagged|evictable|locked|uptodate|referenced|young|idle)|page_range_contiguous|page_count|page_ref_count|page_mapcount|page_zone\\w*|page_size|page_order|compound_order|compound_nr|page_index|page_offset|page_private|page_is_\\w+|is_zero_(pfn|page)|folio_(nr_pages|large_nr_pages|large_order|next_pos|is_\\w+|size|shift|order|nid|test_\\w+|maybe_dma_pinned|page_idx|index|pos|mapping|ref_count|mapcount)|page_maybe_dma_pinned|page_mapping|page_mapped|page_file_mapping|page_cache_\\w+',
    'Page[A-Z]\\w+|(Set|Clear)Page(?!Dirty)[A-Z]\\w+|mark_page_accessed|folio_mark_accessed|wait_on_page_\\w+|folio_wait_\\w+|end_page_writeback|set_page_writeback',
    'flush_\\w+|invalidate_kernel_\\w+|update_mmu_cache|dma_sync_\\w+|cache_flush\\w*|clflush\\w*|drm_clflush_\\w+|wb\\w+|mb|rmb|wmb|smp_\\w+|barrier|memory_barrier',
    'dma_unmap_\\w+|dma_mapping_error|dma_map_sg\\w*|dma_map_sgtable|sg_init_table|sg_init_one|sg_nents|sg_dma_\\w+|sg_mark_end|sg_free_table\\w*|sg_alloc_table|for_each_\\w+',
    'access_ok|offset_in_page|current|IS_ALIGNED|ALIGN\\w*|round_up|round_down|roundup|rounddown|DIV_ROUND_UP|PAGE_ALIGN\\w*|PFN_\\w+|ARRAY_SIZE|sizeof|array_size|struct_size|size_mul|size_add|check_\\w+_overflow|swap|abs|test_bit\\w*|find_\\w+_bit\\w*',
    'vma_lookup|find_vma|find_extend_vma\\w*|vma_is_\\w+|untagged_addr\\w*|mmget\\w*|mmput\\w*|mmgrab|mmdrop|get_task_mm|iommu_domain_free|account_locked_vm|__account_locked_vm|capable|ns_capable|rlimit|task_rlimit|lock_limit|atomic(64|_long)?_(read|add|sub|inc|dec|add_return|sub_return|inc_return|dec_and_test|sub_and_test)\\w*|refcount_\\w+|kref_(init|get|read)',
    'schedule(?!\\w*work)\\w*|wake_up\\w*|complete\\w*|wait_\\w+|signal_pending\\w*|fatal_signal_pending|msleep|udelay|ndelay|usleep_range',
    // What prepares a member hands nothing over: list_add() or queue_work() do.
    'INIT_(LIST_HEAD|HLIST_HEAD|HLIST_NODE|RADIX_TREE|(DELAYED_|RCU_)?WORK(_ONSTACK)?|KFIFO)|init_(s?wait_?queue_head|rwsem|llist_head|rcu_head)|sema_init|seq(lock|count)_init|timer_setup|hrtimer_(init|setup)|tasklet_(init|setup)|RB_CLEAR_NODE|(xa|idr|ida)_init(_flags|_base)?|drm_gem_(private_)?object_init',
    'fault_in_\\w+|pagefault_(dis|en)able|cpu_to_(l|b)e\\d+p?|(l|b)e\\d+_to_cpup?|hton[sl]|ntoh[sl]|swab\\d+',
  ].join('|')})$`,
);

/** Names of what portability layers free memory with: `os_free_mem`, `RTMemFree`, `vmem_free`, `my_kvfree`, `XX_BIGFREE`. */
const FREES =
  /^(?:\w+_)?(?:k|v|kv|m|vmem|mem|big)?_?free(?:_?(?:mem|memory|large|atomic|sized|ex))?$|(?:Mem|Os|OS)Free(?:Mem)?$|FreeMem$/i;

/** Whether a function that is not known frees the memory that it is given, as far as its name tells. */
export function freesByName(name: string): boolean {
  return FREES.test(name) && !/page|folio|sg/i.test(name);
}

/** Words whose presence in a function makes it worth running. Every acquire, release, dirty and map name is here. */
export function isProtocolName(name: string): boolean {
  const effects = table.get(name);
  if (effects === undefined) return isHypervisorCall(name);
  return effects.some((e) => PROTOCOL_EFFECTS.has(e.does));
}

/** Whether a helper gets at the data of a page that it is given, or lets others get at it. */
export function reachesData(name: string): boolean {
  return table.get(name)?.some((e) => REACHES_DATA.has(e.does)) ?? false;
}

const REACHES_DATA: ReadonlySet<Effect['does']> = new Set([
  ...(['map', 'map-array', 'handle', 'read-page', 'write-page', 'dirty'] as const),
  ...(['device-map', 'device-map-list', 'device-list', 'device-start'] as const),
]);

/**
 * What a release does to pages of this kind. Under the names of 5.2 to 5.5 it dropped references, as get_user_pages()
 * takes them; where such a name stands for a pin's release, that is what it became in 5.6.
 */
export function releaseOf(
  { does, api }: Extract<Effect, { does: 'release' | 'release-array' }>,
  fn: string | undefined,
  kind: 'get' | 'pin',
): ReleaseApi {
  if (kind === 'pin' || fn?.startsWith('put_user_page') !== true) return api;
  return does === 'release' ? 'put_page' : 'release_pages';
}

/** A function of the kernel that frees memory. */
export function freesMemory(name: string): boolean {
  return table.get(name)?.some((e) => e.does === 'free') ?? false;
}

/** A function that releases pages. */
export function isReleaseName(name: string): boolean {
  return table.get(name)?.some((e) => e.does === 'release' || e.does === 'release-array') ?? false;
}

const PROTOCOL_EFFECTS: ReadonlySet<Effect['does']> = new Set([
  ...([
    'release',
    'release-array',
    'dirty',
    'map',
    'map-array',
    'write-page',
    'read-page',
    'device-map',
    'device-map-list',
    'device-list',
    'device-unmap',
    'device-start',
    'map-failed',
    'wait',
  ] as const),
  ...(['extra-ref', 'mmap-lock', 'mmap-unlock', 'page-of', 'handle'] as const),
  ...(['is-user-backed', 'is-kernel-backed', 'user-iterator', 'kernel-iterator'] as const),
]);
