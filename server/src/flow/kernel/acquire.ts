/**
 * The acquiring functions as data: where their arguments stand, in which kernels, and what they return.
 * Source: kernel-doc of mm/gup.c, lib/iov_iter.c and mm/memfd.c; argument changes as listed in docs/api-lifetimes.md.
 */
import { FOLL } from '#engine/protocol/flags.ts';
import type { AcquireApi } from '#engine/protocol/steps.ts';

/** Positions of arguments in one historical form of a function, told apart by the arguments (`facts/form.ts`). */
export interface AcquireForm {
  readonly argc: number;
  /** Position of the page count; absent for functions of one page, and where only the bytes are limited. */
  readonly nr?: number;
  /** Position of the FOLL_* flags; -1 where there are none. */
  readonly flags: number;
  readonly pages: number;
  readonly locked?: number;
  /** `get_user_pages(…, write, force, …)` before 4.9: two booleans instead of flags. */
  readonly booleans?: boolean;
  /** Of `iov_iter_*()`: positions of the byte limit and of the pointer to the offset in the first page. */
  readonly bytes?: { readonly limit: number; readonly offset: number };
  /** `pages` points to the array's address: `allocated` is set by the call, `given` only where it is NULL. */
  readonly list?: 'allocated' | 'given';
}

export interface AcquireModel {
  readonly name: string;
  readonly kind: 'get' | 'pin';
  /** `count`: pages or -errno. `bytes`: bytes or -errno. `bool`: one page or none. `page`: a page or ERR_PTR(). */
  readonly result: 'count' | 'bytes' | 'bool' | 'page';
  /** The engine's operation. */
  readonly api: AcquireApi;
  /** May return 0 for a request of at least one page. */
  readonly mayBeNone: boolean;
  /** Returns 0 where others return -errno. */
  readonly neverNegative?: true;
  /** The caller holds mmap_lock. */
  readonly underMmapLock: boolean;
  /** FOLL_* bits that the function sets whatever it is given. */
  readonly implied?: number;
  readonly forms: readonly AcquireForm[];
}

/** Functions that the engine knows under the name of a relative: those of one page, and those of earlier kernels. */
const RELATIVES = {
  get_user_page_fast_only: 'get_user_pages_fast_only',
  get_user_page_vma_remote: 'get_user_pages_remote',
  get_user_pages_locked: 'get_user_pages',
  get_user_pages_longterm: 'get_user_pages',
  __get_user_pages_fast: 'get_user_pages_fast_only',
  pin_user_pages_locked: 'pin_user_pages',
  pin_user_pages_fast_only: 'pin_user_pages_fast',
  iov_iter_get_pages: 'iov_iter_get_pages2',
  iov_iter_get_pages_alloc: 'iov_iter_get_pages2',
  iov_iter_get_pages_alloc2: 'iov_iter_get_pages2',
} as const satisfies Record<string, AcquireApi>;

const row = (
  name: AcquireApi | keyof typeof RELATIVES,
  forms: readonly AcquireForm[],
  more: Partial<AcquireModel> = {},
): AcquireModel => ({
  name,
  kind: name.startsWith('pin_') ? 'pin' : 'get',
  result: 'count',
  api: name in RELATIVES ? RELATIVES[name as keyof typeof RELATIVES] : (name as AcquireApi),
  mayBeNone: false,
  underMmapLock: false,
  forms,
  ...more,
});

/** The functions of lib/iov_iter.c: the iterator decides about FOLL_WRITE, the result may be 0 at its end. */
const ITER = { result: 'bytes', mayBeNone: true } as const;
const ITER_PAGES: AcquireForm = {
  argc: 5,
  nr: 3,
  flags: -1,
  pages: 1,
  bytes: { limit: 2, offset: 4 },
};
const ITER_ALLOC: AcquireForm = {
  argc: 4,
  flags: -1,
  pages: 1,
  bytes: { limit: 2, offset: 3 },
  list: 'allocated',
};

const ROWS: readonly AcquireModel[] = [
  row(
    'get_user_pages',
    [
      { argc: 4, nr: 1, flags: 2, pages: 3 },
      { argc: 5, nr: 1, flags: 2, pages: 3 },
      { argc: 6, nr: 1, flags: 2, pages: 4, booleans: true },
      // Of 4.4.168 and later 4.4: flags instead of write and force, with tsk and mm.
      { argc: 7, nr: 3, flags: 4, pages: 5 },
      { argc: 8, nr: 3, flags: 4, pages: 6, booleans: true },
    ],
    { underMmapLock: true },
  ),
  row(
    'get_user_pages_remote',
    [
      { argc: 6, nr: 2, flags: 3, pages: 4, locked: 5 },
      { argc: 7, nr: 2, flags: 3, pages: 4, locked: 6 },
      // Of 4.9: with a task, and not yet with locked.
      { argc: 7, nr: 3, flags: 4, pages: 5 },
      { argc: 8, nr: 3, flags: 4, pages: 5, locked: 7 },
      // Of 4.6 to 4.8.
      { argc: 8, nr: 3, flags: 4, pages: 6, booleans: true },
    ],
    { underMmapLock: true },
  ),
  row('get_user_pages_unlocked', [
    { argc: 4, nr: 1, pages: 2, flags: 3 },
    { argc: 5, nr: 1, flags: 2, pages: 4, booleans: true },
    { argc: 7, nr: 3, flags: 4, pages: 6, booleans: true },
  ]),
  row('get_user_pages_fast', [{ argc: 4, nr: 1, flags: 2, pages: 3 }]),
  row('get_user_pages_fast_only', [{ argc: 4, nr: 1, flags: 2, pages: 3 }], { mayBeNone: true }),
  row('get_user_page_fast_only', [{ argc: 3, flags: 1, pages: 2 }], { result: 'bool', mayBeNone: true }),
  row('get_user_page_vma_remote', [{ argc: 4, flags: 2, pages: -1 }], {
    result: 'page',
    underMmapLock: true,
  }),
  row(
    'pin_user_pages',
    [
      { argc: 4, nr: 1, flags: 2, pages: 3 },
      { argc: 5, nr: 1, flags: 2, pages: 3 },
    ],
    { underMmapLock: true },
  ),
  row(
    'pin_user_pages_remote',
    [
      { argc: 6, nr: 2, flags: 3, pages: 4, locked: 5 },
      { argc: 7, nr: 2, flags: 3, pages: 4, locked: 6 },
      { argc: 8, nr: 3, flags: 4, pages: 5, locked: 7 },
    ],
    { underMmapLock: true },
  ),
  row('pin_user_pages_unlocked', [{ argc: 4, nr: 1, pages: 2, flags: 3 }]),
  row('pin_user_pages_fast', [{ argc: 4, nr: 1, flags: 2, pages: 3 }]),
  row('get_user_pages_locked', [
    { argc: 5, nr: 1, flags: 2, pages: 3 },
    { argc: 6, nr: 1, flags: 2, pages: 4, booleans: true },
    { argc: 8, nr: 3, flags: 4, pages: 6, booleans: true },
  ]),
  row('get_user_pages_longterm', [{ argc: 5, nr: 1, flags: 2, pages: 3 }], { underMmapLock: true }),
  row('__get_user_pages_fast', [{ argc: 4, nr: 1, flags: 2, pages: 3, booleans: true }], {
    mayBeNone: true,
    neverNegative: true,
  }),
  row('pin_user_pages_locked', [{ argc: 5, nr: 1, flags: 2, pages: 3 }]),
  row('pin_user_pages_fast_only', [{ argc: 4, nr: 1, flags: 2, pages: 3 }], {
    mayBeNone: true,
    neverNegative: true,
  }),
  row('iov_iter_get_pages2', [ITER_PAGES], ITER),
  // 6.2 passes extraction flags at the end.
  row('iov_iter_get_pages', [ITER_PAGES, { ...ITER_PAGES, argc: 6 }], ITER),
  row('iov_iter_get_pages_alloc2', [ITER_ALLOC], ITER),
  row('iov_iter_get_pages_alloc', [ITER_ALLOC, { ...ITER_ALLOC, argc: 5 }], ITER),
  row(
    'iov_iter_extract_pages',
    [{ argc: 6, nr: 3, flags: -1, pages: 1, bytes: { limit: 2, offset: 5 }, list: 'given' }],
    { ...ITER, kind: 'pin' },
  ),
  // One entry for each folio. Since 6.11.
  row('memfd_pin_folios', [{ argc: 6, nr: 4, flags: -1, pages: 3 }], {
    kind: 'pin',
    implied: FOLL.LONGTERM,
  }),
];

export const ACQUIRES: ReadonlyMap<string, AcquireModel> = new Map(ROWS.map((r) => [r.name, r]));

/** The forms with `argc` arguments, the newest first; none when no kernel had such a form. */
export function formsOf(model: AcquireModel, argc: number): readonly AcquireForm[] {
  return model.forms.filter((f) => f.argc === argc);
}

/** Whether an acquiring function takes its pages from an iov_iter. */
export function isOfIterator(model: AcquireModel): boolean {
  return model.result === 'bytes';
}
