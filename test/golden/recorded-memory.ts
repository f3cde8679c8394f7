/** What names, boots and recorded pages tell about memory. */
import { type FsName, PG, ZONE } from '#engine/model/constants.ts';
import type { RecordedPage } from './recording.ts';

/** What kind of memory a scenario is about, as its name and description tell. */
export type Kind = 'anon' | 'zero' | 'thp' | 'hugezero' | 'hugetlb' | FsName;

const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/mthp|nr_zero|anon0|order0|^[fln]_(?!readonly_file)|swap|mlock/, 'anon'],
  [/hugezero/, 'hugezero'],
  [/hugetlb/, 'hugetlb'],
  [/thp/i, 'thp'],
  [/tmpfs/, 'shmem'],
  [/ext2/, 'ext2'],
  [/ext4|reclaim_file|file page/, 'ext4'],
  [/dax/, 'fsdax'],
  [/zero/, 'zero'],
  [/anon/, 'anon'],
];

/** The kind that a scenario's name tells, else its description; anonymous memory when neither does. */
export function kindOf(name: string, desc: string): Kind {
  const of = (text: string): Kind | undefined => KINDS.find(([pattern]) => pattern.test(text))?.[1];
  return of(name) ?? of(desc) ?? 'anon';
}

/** Where a boot's command line makes user pages come from: movablecore= (B, RM), cma= (C), or no such zone. */
export function zoneOfBoot(boot: string): number {
  if (boot.startsWith('C')) return ZONE.cma;
  return boot.startsWith('B') || boot.endsWith('M') ? ZONE.movable : ZONE.normal;
}

const FLAG_NAMES = [
  'dirty',
  'writeback',
  'locked',
  'lru',
  'uptodate',
  'referenced',
  'active',
  'swapbacked',
  'swapcache',
  'private',
  'reserved',
  'hugetlb',
  'mlocked',
  'unevictable',
] as const;

/** PG bits of a recorded page. */
export function flagBits(page: RecordedPage): number {
  let bits = 0;
  for (const name of FLAG_NAMES) if (page[name]) bits |= PG[name];
  if (page.hugeZero === true) bits |= PG.hugeZero;
  if (page.zeroPage === true) bits |= PG.zero;
  if (page.ksm) bits |= PG.ksm;
  return bits;
}

/** Zone of a recorded page, as long-term pins tell them apart. */
export function zoneOf(page: RecordedPage): number {
  if (page.zone === 'Device') return ZONE.device;
  if (page.migratetype === 'cma') return ZONE.cma;
  return page.zone === 'Movable' ? ZONE.movable : ZONE.normal;
}
