/**
 * The acquiring functions as data: where their arguments stand, in which kernels, and what they return.
 * Source: kernel-doc of mm/gup.c; argument changes as listed in docs/api-lifetimes.md.
 */
import type { AcquireApi } from '#engine/protocol/steps.ts';

/** Positions of arguments in one historical form of a function, told apart by the number of arguments. */
export interface AcquireForm {
  readonly argc: number;
  /** Position of the page count; absent for functions of one page. */
  readonly nr?: number;
  readonly flags: number;
  readonly pages: number;
  readonly locked?: number;
  /** `get_user_pages(…, write, force, …)` before 4.9: two booleans instead of flags. */
  readonly booleans?: boolean;
}

export interface AcquireModel {
  readonly name: string;
  readonly kind: 'get' | 'pin';
  /** `count`: pages or -errno. `bool`: one page or none. `page`: a page or ERR_PTR(). */
  readonly result: 'count' | 'bool' | 'page';
  /** The engine's operation. */
  readonly api: AcquireApi;
  /** May return 0 for a request of at least one page. */
  readonly mayBeNone: boolean;
  /** The caller holds mmap_lock. */
  readonly underMmapLock: boolean;
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

const ROWS: readonly AcquireModel[] = [
  row(
    'get_user_pages',
    [
      { argc: 4, nr: 1, flags: 2, pages: 3 },
      { argc: 5, nr: 1, flags: 2, pages: 3 },
      { argc: 6, nr: 1, flags: 2, pages: 4, booleans: true },
      { argc: 8, nr: 3, flags: 4, pages: 6, booleans: true },
    ],
    { underMmapLock: true },
  ),
  row(
    'get_user_pages_remote',
    [
      { argc: 6, nr: 2, flags: 3, pages: 4, locked: 5 },
      { argc: 7, nr: 2, flags: 3, pages: 4, locked: 6 },
      { argc: 8, nr: 3, flags: 4, pages: 5, locked: 7 },
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
  row('__get_user_pages_fast', [{ argc: 4, nr: 1, flags: 2, pages: 3, booleans: true }], { mayBeNone: true }),
  row('pin_user_pages_locked', [{ argc: 5, nr: 1, flags: 2, pages: 3 }]),
  row('pin_user_pages_fast_only', [{ argc: 4, nr: 1, flags: 2, pages: 3 }], { mayBeNone: true }),
];

export const ACQUIRES: ReadonlyMap<string, AcquireModel> = new Map(ROWS.map((r) => [r.name, r]));

/** The form that a call with `argc` arguments uses; undefined when no kernel had such a form. */
export function formOf(model: AcquireModel, argc: number): AcquireForm | undefined {
  return model.forms.find((f) => f.argc === argc);
}
