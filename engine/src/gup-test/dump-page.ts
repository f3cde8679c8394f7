/** dump_page(): struct page as the kernel prints it. Source: mm/debug.c; document section "Other diagnostics". */
import { FRAME, MAPPING_FILE, PG } from '../model/constants.ts';
import { folioPages } from '../model/folio.ts';
import type { Machine } from '../model/machine.ts';
import { pageMapcount } from '../model/rmap.ts';

/** Flags in the order in which the kernel names them, with their bit in page->flags of 6.12 on x86-64. */
const PRINTED = [
  ['locked', PG.locked, 0],
  ['referenced', PG.referenced, 2],
  ['uptodate', PG.uptodate, 3],
  ['dirty', PG.dirty, 4],
  ['lru', PG.lru, 5],
  ['active', PG.active, 8],
  ['owner_2', PG.anonExclusive, 11],
  ['reserved', PG.reserved, 13],
  ['private', PG.private, 14],
  ['writeback', PG.writeback, 1],
  ['head', 0, 6],
  ['swapbacked', PG.swapbacked, 17],
  ['unevictable', PG.unevictable, 18],
  ['mlocked', PG.mlocked, 19],
] as const;

const NODE_SHIFT = 62n;

/**
 * The lines that dump_page() prints for a page, without the raw words. `index` is the page's index in its mapping;
 * `pfn` the number to print for it. Pointers, which the kernel hashes, are printed as zero.
 */
export function dumpPage(m: Machine, frame: number, index: number, pfn: number, reason: string): string[] {
  const head = m.head(frame);
  const flags = m.flags(head);
  const order = m.order(head);
  const hugetlb = (flags & PG.hugetlb) !== 0;
  const mapcount = hugetlb ? 0 : pageMapcount(m, frame);
  const lines = [
    `page: refcount:${m.ref(head)} mapcount:${mapcount} mapping:${'0'.repeat(16)} index:0x${index.toString(16)} pfn:0x${pfn.toString(16)}`,
  ];
  if (order > 0) {
    const entire = m.word(head, FRAME.ENTIRE);
    let mapped = 0;
    for (let i = 0; i < folioPages(m, head); i++) if (m.word(head + i, FRAME.PAGEMAP) > 0) mapped++;
    lines.push(
      `head: order:${order} mapcount:${m.word(head, FRAME.MAPCOUNT)} entire_mapcount:${entire} nr_pages_mapped:${mapped} pincount:${m.word(head, FRAME.PIN)}`,
    );
  }
  lines.push(`${m.isAnon(head) ? 'anon ' : ''}flags: ${flagsText(m, head, order > 0)}`);
  if (hugetlb) lines.push('page_type: f4(hugetlb)');
  lines.push(`page dumped because: ${reason}`);
  return lines;
}

function flagsText(m: Machine, head: number, large: boolean): string {
  const set = PRINTED.filter(([name, bit]) => (name === 'head' ? large : (m.flags(head) & bit) !== 0));
  const word = set.reduce(
    (bits, [, , shift]) => bits | (1n << BigInt(shift)),
    BigInt(m.node(head)) << NODE_SHIFT,
  );
  const names = [...set.map(([name]) => name), `node=${m.node(head)}`, 'zone=0'];
  return `0x${word.toString(16)}(${names.join('|')})`;
}

/** Index of a page in its mapping: in its file, or in the buffer for anonymous memory. */
export function pageIndex(m: Machine, frame: number, vpage: number): number {
  const head = m.head(frame);
  const inFile = m.word(head, FRAME.MAPPING) >= MAPPING_FILE;
  return inFile ? m.word(head, FRAME.INDEX) + (frame - head) : vpage;
}
