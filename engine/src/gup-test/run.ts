/** The kernel's gup_test as a run of the model: the calls of mm/gup_test.c, counts and counters, no times. */

import { VM } from '../model/constants.ts';
import { userAccess } from '../model/fault.ts';
import { folioMaybeDmaPinned, putPage } from '../model/folio.ts';
import { getUserPages, getUserPagesFast, pinUserPages, pinUserPagesFast } from '../model/gup-api.ts';
import { createMachine, type Machine, protection } from '../model/machine.ts';
import { unpinUserPages } from '../model/unpin.ts';
import { FOLL } from '../protocol/flags.ts';
import { dumpPage, pageIndex } from './dump-page.ts';
import type { GupTestOptions } from './options.ts';

const PAGE_SIZE = 4096;

export interface GupTestResult {
  /** What the program prints, in TAP, without times. */
  readonly output: string;
  /** Pages taken by each pass. */
  readonly pages: number;
  /** Change of nr_foll_pin_acquired and nr_foll_pin_released. */
  readonly acquired: number;
  readonly released: number;
  /** Warnings that the kernel would print. */
  readonly warnings: number;
}

/** Runs gup_test on a fresh machine. */
export function runGupTest(options: GupTestOptions): GupTestResult {
  const total = options.size / PAGE_SIZE;
  const start = options.hugetlb ? 0 : 1;
  const m = createMachine({
    frames: total * 2 + 2048,
    vpages: start + total,
    vmas: 1,
    files: options.file === 'none' ? [] : [{ fs: options.file, size: total }],
  });
  m.lowestFree = 1;
  mapBuffer(m, options, start, total);
  const lines = ['TAP version 13', `1..${options.repeats * options.threads}`];
  let taken = 0;
  let test = 0;
  for (let thread = 0; thread < options.threads; thread++)
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      const pass = onePass(m, options, start, total);
      taken = pass.pages;
      lines.push(...pass.lines, `ok ${++test} ioctl status 0`);
    }
  lines.push(`# Totals: pass:${test} fail:0 xfail:0 xpass:0 skip:0 error:0`);
  lines.push(`nr_foll_pin_acquired +${m.acquired} nr_foll_pin_released +${m.released}`);
  return {
    output: `${lines.join('\n')}\n`,
    pages: taken,
    acquired: m.acquired,
    released: m.released,
    warnings: m.warnCount,
  };
}

/** mmap() of the buffer, and one store to each page unless -z leaves that to the call. */
function mapBuffer(m: Machine, options: GupTestOptions, start: number, total: number): void {
  let flags = protection(true, options.shared);
  if (options.hugetlb) flags |= VM.HUGETLB;
  // madvise(MADV_HUGEPAGE): the buffer starts off a huge page's boundary, as mmap() of /dev/zero gives it.
  else if (options.thp && options.file === 'none' && !options.shared) flags |= VM.HUGEPAGE;
  const anonymous = options.hugetlb || options.file === 'none';
  m.addVma(0, start, start + total, flags & ~(anonymous ? VM.SHARED : 0), anonymous ? -1 : 0);
  if (options.faultInCall) return;
  for (let v = start; v < start + total; v++) userAccess(m, 0, v, true);
}

/** One ioctl: __gup_test_ioctl(). */
function onePass(
  m: Machine,
  options: GupTestOptions,
  start: number,
  total: number,
): { pages: number; lines: string[] } {
  const pages: number[] = [];
  const chunk: number[] = [];
  // -z passes 0x2, which was FOLL_TOUCH once and is FOLL_GET now.
  const flags = options.flags | (options.write ? FOLL.WRITE : 0) | (options.faultInCall ? FOLL.GET : 0);
  let at = 0;
  let nr = options.pagesPerCall;
  while (at < total && nr === options.pagesPerCall) {
    const wanted = Math.min(nr, total - at);
    nr = call(m, options, start + at, wanted, flags, chunk);
    at += wanted;
    if (nr <= 0) break;
    for (let i = 0; i < nr; i++) pages.push(chunk[i]!);
  }
  const truncated = pages.length === total ? '' : `, truncated (size: ${pages.length * PAGE_SIZE})`;
  const lines = options.command === 'DUMP_USER_PAGES_TEST' ? dumps(m, options, pages, start) : [];
  lines.push(...unpinned(m, options, pages));
  lines.push(`# ${options.command}: done${truncated}`);
  putBack(m, options, pages);
  return { pages: pages.length, lines };
}

function call(
  m: Machine,
  options: GupTestOptions,
  v: number,
  nr: number,
  flags: number,
  pages: number[],
): number {
  switch (options.command) {
    case 'GUP_FAST_BENCHMARK':
      return getUserPagesFast(m, 0, v, nr, flags, pages);
    case 'GUP_BASIC_TEST':
      return getUserPages(m, 0, v, nr, flags, pages);
    case 'PIN_FAST_BENCHMARK':
      return pinUserPagesFast(m, 0, v, nr, flags, pages);
    case 'PIN_BASIC_TEST':
      return pinUserPages(m, 0, v, nr, flags, pages);
    case 'PIN_LONGTERM_BENCHMARK':
      return pinUserPages(m, 0, v, nr, flags | FOLL.LONGTERM, pages);
    case 'DUMP_USER_PAGES_TEST':
      return options.dumpWithPin
        ? pinUserPages(m, 0, v, nr, flags, pages)
        : getUserPages(m, 0, v, nr, flags, pages);
  }
}

function takesPins(options: GupTestOptions): boolean {
  return (
    options.command.startsWith('PIN') || (options.command === 'DUMP_USER_PAGES_TEST' && options.dumpWithPin)
  );
}

/** verify_dma_pinned(): after a pin every page has to look pinned. */
function unpinned(m: Machine, options: GupTestOptions, pages: readonly number[]): string[] {
  if (!takesPins(options)) return [];
  const wrong = pages.findIndex((frame) => !folioMaybeDmaPinned(m, m.head(frame)));
  return wrong < 0 ? [] : [`pages[${wrong}] is NOT dma-pinned`];
}

function dumps(m: Machine, options: GupTestOptions, pages: readonly number[], start: number): string[] {
  const lines: string[] = [];
  for (const page of options.dump) {
    if (page >= pages.length) {
      lines.push(`ERROR: index ${page} out of range, [0, ${pages.length - 1}]`);
      continue;
    }
    const frame = pages[page]!;
    lines.push(`---- page #${page}, starting from user virt addr: 0x${(start * PAGE_SIZE).toString(16)}`);
    lines.push(...dumpPage(m, frame, pageIndex(m, frame, page), frame, 'gup_test: dump_pages() test'));
  }
  return lines;
}

function putBack(m: Machine, options: GupTestOptions, pages: readonly number[]): void {
  if (takesPins(options)) unpinUserPages(m, pages, 0, pages.length);
  else for (const frame of pages) putPage(m, frame);
}
