/** What the hover says about one name: data, in the order in which it is shown. */
export interface HoverEntry {
  readonly name: string;
  /** As in the kernel's headers of Linux 6.12, or how the name is used. */
  readonly signature: string;
  readonly summary: string;
  /** What it does to the counters of the folio, per page. Absent where it touches none. */
  readonly refcount?: string;
  readonly pincount?: string;
  /** The document's case that it is for, or is not for. */
  readonly use: string;
  /** First kernel release that has it; absent for what is older than 4.1. */
  readonly since?: string;
  /** Last release that has it. */
  readonly until?: string;
  /** Section of Documentation/core-api/pin_user_pages.rst; absent where the document says nothing of it. */
  readonly section?: string;
}

/** Sections of the document. */
export const SECTION = {
  basic: 'Basic description of FOLL_PIN',
  wrapper: 'Which flags are set by each wrapper',
  tracking: 'Tracking dma-pinned pages',
  cases: 'FOLL_PIN, FOLL_GET, FOLL_LONGTERM: when to use which flags',
  maybe: 'folio_maybe_dma_pinned(): the whole point of pinning',
} as const;
