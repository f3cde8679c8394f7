/**
 * How kernel helpers give pages to devices and take them back, as data. Numbers are argument positions.
 * Sources: include/linux/dma-mapping.h, iommu.h, bio.h, blkdev.h, skbuff.h, completion.h, wait.h, vhost_iotlb.h,
 * rdma/ib_verbs.h; pci_map_*() and pci_unmap_*() are the names of before 5.18 (include/linux/pci-dma-compat.h).
 */

/** The way on which a device, or whoever does I/O for one, comes to the pages. */
export type DeviceWay = 'dma' | 'iommu' | 'bio' | 'skb' | 'list' | 'hypervisor';

export type DeviceEffect =
  /** A page, address or handle is mapped for a device; the result is a handle of it. */
  | {
      readonly does: 'device-map';
      readonly page: number;
      readonly direction?: number;
      /** The call says itself whether it failed; else its result is asked (dma_mapping_error()). */
      readonly reports?: 'errno';
      /** An object that leads to the pages from here on. */
      readonly into?: number;
      readonly way: DeviceWay;
    }
  /** What stands in a scatterlist or table is mapped. A failure is 0, or -errno. */
  | {
      readonly does: 'device-map-list';
      readonly list: number;
      readonly direction?: number;
      readonly count?: number;
      readonly failure: 'zero' | 'errno';
      readonly way: DeviceWay;
    }
  /** A page, or an array of them, is put into a list that I/O is done on. */
  | {
      readonly does: 'device-list';
      readonly page?: number;
      readonly pages?: number;
      readonly into: number;
      readonly way: DeviceWay;
    }
  /** The mapping of a handle, or of what stands in a list, ends. */
  | { readonly does: 'device-unmap'; readonly handle: number }
  /** I/O on what an object leads to is started, or done (`waits`). Who completes it may release the pages. */
  | { readonly does: 'device-start'; readonly object: number; readonly waits: boolean }
  /** A hypervisor or firmware gets to what the arguments lead to. */
  | { readonly does: 'device-call' }
  /** The first argument is written to a register of a device. */
  | { readonly does: 'register-write' }
  /** dma_mapping_error(): whether a mapping failed. */
  | { readonly does: 'map-failed'; readonly handle: number }
  /** Waits for the device; without having waited to the end, the result is -errno (`interruptible`) or 0 (`timeout`). */
  /** The last effect: returns 0, or -errno and has done nothing. */
  | { readonly does: 'status' }
  | { readonly does: 'wait'; readonly interruptible: boolean; readonly timeout: boolean }
  /** A scatterlist table gets its entries: `sgl` and the counts are no longer what the object was cleared to. */
  | { readonly does: 'fill-table'; readonly table: number }
  /** The next element of a list: still leads to what stands in the list. */
  | { readonly does: 'element'; readonly of: number };

type Row = readonly [names: string, ...effects: DeviceEffect[]];

/** `dma_map_page(dev, page, offset, size, direction)` and `dma_map_single(dev, address, size, direction)`. */
const mapped = (direction: number): DeviceEffect => ({
  does: 'device-map',
  page: 1,
  direction,
  way: 'dma',
});
const unmapped: DeviceEffect = { does: 'device-unmap', handle: 1 };
const listed = (page: number, way: DeviceWay): DeviceEffect => ({ does: 'device-list', page, into: 0, way });
const wait = (interruptible: boolean, timeout: boolean): DeviceEffect => ({
  does: 'wait',
  interruptible,
  timeout,
});

export const DEVICE_ROWS: readonly Row[] = [
  ['dma_map_page dma_map_page_attrs ib_dma_map_page pci_map_page', mapped(4)],
  ['dma_map_single dma_map_single_attrs ib_dma_map_single pci_map_single', mapped(3)],
  ['dma_map_phys dma_map_resource', mapped(3)],
  ['dma_iova_link', { does: 'device-map', page: 2, direction: 5, into: 1, reports: 'errno', way: 'dma' }],
  ['dma_unmap_phys dma_unmap_resource dma_iova_unlink dma_iova_destroy', unmapped],
  [
    'dma_map_sg dma_map_sg_attrs ib_dma_map_sg ib_dma_map_sg_attrs pci_map_sg',
    { does: 'device-map-list', list: 1, count: 2, direction: 3, failure: 'zero', way: 'dma' },
  ],
  [
    'dma_map_sgtable ib_dma_map_sgtable_attrs',
    { does: 'device-map-list', list: 1, direction: 2, failure: 'errno', way: 'dma' },
  ],
  [
    'dma_unmap_page dma_unmap_page_attrs dma_unmap_single dma_unmap_single_attrs dma_unmap_sg dma_unmap_sg_attrs dma_unmap_sgtable',
    unmapped,
  ],
  [
    'ib_dma_unmap_page ib_dma_unmap_single ib_dma_unmap_sg ib_dma_unmap_sg_attrs ib_dma_unmap_sgtable_attrs',
    unmapped,
  ],
  ['pci_unmap_page pci_unmap_single pci_unmap_sg', unmapped],
  ['dma_mapping_error ib_dma_mapping_error pci_dma_mapping_error', { does: 'map-failed', handle: 1 }],
  // iommu_iova_to_phys() finds them again in the domain.
  [
    'iommu_map iommu_map_atomic iommu_map_nosync',
    { does: 'device-map', page: 2, into: 0, reports: 'errno', way: 'iommu' },
  ],
  [
    'iommu_map_sg iommu_map_sgtable iommu_map_sg_atomic',
    { does: 'device-map-list', list: 2, failure: 'zero', way: 'iommu' },
  ],
  ['iommu_unmap iommu_unmap_fast', unmapped],
  [
    'vhost_iotlb_add_range vhost_iotlb_add_range_ctx',
    { does: 'device-map', page: 3, into: 0, reports: 'errno', way: 'iommu' },
  ],
  ['sg_set_page sg_assign_page sg_set_folio', listed(1, 'list')],
  ['bvec_set_page bvec_set_folio', listed(1, 'bio')],
  [
    'bio_add_page bio_add_pc_page __bio_add_page bio_add_folio bio_add_folio_nofail bio_integrity_add_page',
    listed(1, 'bio'),
  ],
  ['skb_fill_page_desc __skb_fill_page_desc skb_fill_page_desc_noacc skb_add_rx_frag', listed(2, 'skb')],
  ['skb_frag_fill_page_desc skb_append_pagefrags', listed(1, 'skb')],
  ['skb_frag_set_page __skb_frag_set_page', listed(2, 'skb')],
  [
    'sg_alloc_table_from_pages sg_alloc_table_from_pages_segment sg_alloc_append_table_from_pages',
    { does: 'fill-table', table: 0 },
    { does: 'device-list', pages: 1, into: 0, way: 'list' },
    { does: 'status' },
  ],
  // A pointer in some releases.
  [
    '__sg_alloc_table_from_pages',
    { does: 'fill-table', table: 0 },
    { does: 'device-list', pages: 1, into: 0, way: 'list' },
  ],
  ['sg_alloc_table sg_alloc_table_chained', { does: 'fill-table', table: 0 }, { does: 'status' }],
  ['submit_bio submit_bio_noacct', { does: 'device-start', object: 0, waits: false }],
  ['submit_bio_wait', { does: 'device-start', object: 0, waits: true }],
  ['sg_next sg_virt_next', { does: 'element', of: 0 }],
  ['wait_for_completion wait_for_completion_io wait_event wait_event_lock_irq', wait(false, false)],
  ['wait_for_completion_timeout wait_for_completion_io_timeout wait_event_timeout', wait(false, true)],
  [
    'wait_for_completion_interruptible wait_for_completion_killable wait_event_interruptible wait_event_killable wait_event_freezable',
    wait(true, false),
  ],
  [
    'wait_for_completion_interruptible_timeout wait_for_completion_killable_timeout wait_event_interruptible_timeout wait_event_killable_timeout',
    wait(true, true),
  ],
];

/** Calls into a hypervisor, a secure monitor or firmware, which may reach the memory that they are told of. */
const HYPERVISOR_CALL =
  /hypercall|^HYPERVISOR_|^gnttab_batch_|^hcall_|^plpar_hcall|^sun4v_|^fh_(partition|dma|send)_|^arm_smccc_|^sbi_ecall|^__tdcall|^hv_(do|call)_/;

/** Writes to registers of a device: an address that is written there is the device's to use. */
const REGISTER_WRITE =
  /^(__raw_)?write[bwlq](_relaxed)?$|^iowrite(8|16|32|64)(be)?$|^out[bwl]$|^__raw_i?write/;

export function isHypervisorCall(name: string): boolean {
  return HYPERVISOR_CALL.test(name);
}

export function isRegisterWrite(name: string): boolean {
  return REGISTER_WRITE.test(name);
}

/** Members of operation tables that map or unmap: `domain->ops->map_pages(…)`, `ops->dma_unmap(…)`. */
export function mapsThroughTable(member: string): 'map' | 'unmap' | undefined {
  if (/^(dma_|iommu_)?unmap(_pages?|_sg)?$/.test(member)) return 'unmap';
  return /^(dma_|iommu_)?map(_pages?|_sg)?$/.test(member) ? 'map' : undefined;
}

/** Whether a function, by its name, may take pages away from a device. */
export function mayEndMappings(name: string): boolean {
  return /unmap|unprep|(^|_)(stop|abort|cancel|terminate|kill|halt|reset|disable|quiesce|drain|shutdown|teardown|detach)/.test(
    name,
  );
}

/** Ends of mappings that take effect for all of a table only here: iommu_tce_kill() after iommu_tce_xchg_no_kill(). */
const FLUSHES: ReadonlySet<string> = new Set([
  'iommu_tce_kill',
  'iommu_iotlb_sync',
  'iommu_flush_iotlb_all',
  'iommu_tlb_sync',
]);

const EFFECTS = new Map(
  DEVICE_ROWS.flatMap(([names, ...effects]) => names.split(' ').map((name) => [name, effects] as const)),
);

/** Position of the argument that says what a call of a helper unmaps. */
export function unmappedBy(fn: string): number | undefined {
  return FLUSHES.has(fn) ? 0 : EFFECTS.get(fn)?.find((e) => e.does === 'device-unmap')?.handle;
}

/** Waits that a signal or a timeout may end before what they wait for has happened. */
export function endsEarly(fn: string): boolean {
  return EFFECTS.get(fn)?.some((e) => e.does === 'wait' && (e.interruptible || e.timeout)) ?? false;
}

/** Whether a helper puts a page into an object that holds its reference from then on: a bio or an skb. */
export function carriesReferences(fn: string): boolean {
  return (
    EFFECTS.get(fn)?.some((e) => e.does === 'device-list' && (e.way === 'bio' || e.way === 'skb')) ?? false
  );
}
