/**
 * Recordings of a running kernel: one JSON object a line, steps of a scenario in order. Each step names the operation
 * and shows the state after it. A page or page table entry may leave out the fields in which it equals the one before
 * it in the same scenario (the form that data/ is kept in).
 */

/** A watched page: struct page of `pfn`, counts and flags of its folio. `page: null` is an empty watch. */
export interface RecordedPage {
  readonly w: number;
  readonly page?: null;
  readonly pfn: number;
  readonly headPfn: number;
  readonly idxInFolio: number;
  readonly order: number;
  readonly refcount: number;
  readonly mapcount: number;
  readonly pageMapcountField: number;
  readonly pincount: number | null;
  readonly maybeDmaPinned: boolean;
  readonly anonExclusive: number;
  readonly headAnonExclusive: number;
  readonly entireMapcount?: number;
  readonly index: number;
  readonly nid: number;
  readonly zone: string;
  readonly migratetype: string;
  readonly [flag: string]: number | boolean | string | null | undefined;
}

export interface RecordedPte {
  readonly addr: string;
  readonly none?: number;
  readonly level?: string;
  readonly present?: number;
  readonly pfn?: number;
  readonly write?: number;
  readonly dirty?: number;
  readonly young?: number;
  readonly special?: number;
  readonly swapOrMigrationEntry?: number;
}

export type UserValue = string | number | boolean;

export interface Step {
  readonly seq: number;
  readonly pid: number;
  readonly step: string;
  readonly op: string;
  readonly addr?: string;
  readonly gupFlags?: number;
  readonly nr?: number;
  readonly from?: number;
  readonly arg?: number;
  readonly slot?: number;
  readonly nullPages?: boolean;
  readonly ret: number;
  readonly warnDelta: number;
  readonly drained: boolean;
  readonly watchNames: Readonly<Record<string, string>>;
  readonly addrNames: readonly string[];
  readonly user: Readonly<Record<string, UserValue>>;
  readonly kernel: {
    readonly vmstat: { readonly nrFollPinAcquired: number; readonly nrFollPinReleased: number };
    readonly mmHasPinned: number;
    readonly gotPages?: number;
    readonly gotPfns?: readonly number[];
    readonly pages: readonly RecordedPage[];
    readonly pte: readonly RecordedPte[];
  };
}

export interface Recording {
  readonly boot: string;
  readonly name: string;
  readonly desc: string;
  readonly steps: Step[];
  /** Counters just before the first step, when the step before it was recorded, too. */
  readonly before?: { readonly acquired: number; readonly released: number };
}

type Json = Record<string, unknown>;

/** Parses one file's text. Throws on a line that is not JSON, with its number. */
export function parseRecordings(text: string): Recording[] {
  const recordings: Recording[] = [];
  let current: Recording | undefined;
  let pages = new Map<number, Json>();
  let ptes = new Map<string, Json>();
  let last: Step | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const json = parseLine(line, i + 1);
    if (typeof json['type'] === 'string') {
      if (json['type'] !== 'scenario') continue;
      const contiguous = last !== undefined && last.seq === Number(json['seq']) - 1;
      current = {
        boot: String(json['boot']),
        name: String(json['scn']),
        desc: String(json['desc']),
        steps: [],
        ...(contiguous ? { before: counters(last!) } : {}),
      };
      pages = new Map();
      ptes = new Map();
      recordings.push(current);
      continue;
    }
    if (current === undefined || current.name !== json['scn']) {
      current = { boot: String(json['boot']), name: String(json['scn']), desc: '', steps: [] };
      pages = new Map();
      ptes = new Map();
      recordings.push(current);
    }
    const step = expand(json, pages, ptes);
    current.steps.push(step);
    last = step;
  }
  return recordings;
}

function parseLine(line: string, number: number): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    throw new Error(`line ${number} is not JSON`);
  }
}

function counters(step: Step): { acquired: number; released: number } {
  const { nrFollPinAcquired, nrFollPinReleased } = step.kernel.vmstat;
  return { acquired: nrFollPinAcquired, released: nrFollPinReleased };
}

/** Fills in what a step leaves out. */
function expand(json: Json, pages: Map<number, Json>, ptes: Map<string, Json>): Step {
  const kernel = (json['kernel'] ?? {}) as Json;
  const fullPages = ((kernel['pages'] ?? []) as Json[]).map((page) => {
    if ('page' in page) return page;
    const full = { ...pages.get(page['w'] as number), ...page };
    pages.set(page['w'] as number, full);
    return full;
  });
  const fullPtes = ((kernel['pte'] ?? []) as Json[]).map((pte) => {
    const key = pte['addr'] as string;
    const whole = 'none' in pte || 'level' in pte;
    const full = whole ? pte : { ...ptes.get(key), ...pte };
    ptes.set(key, full);
    return full;
  });
  return {
    ...DEFAULTS,
    ...json,
    kernel: {
      vmstat: { nrFollPinAcquired: 0, nrFollPinReleased: 0 },
      mmHasPinned: 0,
      ...kernel,
      pages: fullPages,
      pte: fullPtes,
    },
  } as unknown as Step;
}

const DEFAULTS = { ret: 0, warnDelta: 0, drained: true, watchNames: {}, addrNames: [], user: {} };

/** Fields that replay does not look at. */
const UNUSED = new Set(['retName', 'gupFlagNames', 'warnText', 'type']);

/** The compact form of one parsed line, given the expanded pages and entries before it; undefined for other lines. */
export function compactLines(text: string): string {
  const out: string[] = [];
  let pages = new Map<number, Json>();
  let ptes = new Map<string, Json>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const json = parseLine(line, i + 1);
    if (typeof json['type'] === 'string') {
      if (json['type'] === 'scenario') {
        pages = new Map();
        ptes = new Map();
        out.push(JSON.stringify(json));
      }
      continue;
    }
    out.push(JSON.stringify(compactStep(json, pages, ptes)));
  }
  return `${out.join('\n')}\n`;
}

function compactStep(json: Json, pages: Map<number, Json>, ptes: Map<string, Json>): Json {
  const step: Json = {};
  for (const [key, value] of Object.entries(json))
    if (!UNUSED.has(key) && key !== 'kernel' && !isDefault(key, value)) step[key] = value;
  const kernel = json['kernel'] as Json;
  const small: Json = {};
  for (const key of ['mmHasPinned', 'gotPages', 'gotPfns']) if (key in kernel) small[key] = kernel[key];
  const vmstat = kernel['vmstat'] as Json;
  small['vmstat'] = {
    nrFollPinAcquired: vmstat['nrFollPinAcquired'],
    nrFollPinReleased: vmstat['nrFollPinReleased'],
  };
  small['pages'] = (kernel['pages'] as Json[]).map((page) => {
    if ('page' in page) return page;
    const before = pages.get(page['w'] as number);
    pages.set(page['w'] as number, { ...before, ...page });
    return difference(page, before, 'w');
  });
  small['pte'] = (kernel['pte'] as Json[]).map((pte) => {
    const before = ptes.get(pte['addr'] as string);
    ptes.set(pte['addr'] as string, pte);
    const same = before !== undefined && Object.keys(before).join() === Object.keys(pte).join();
    return same ? difference(pte, before, 'addr') : pte;
  });
  step['kernel'] = small;
  return step;
}

function isDefault(key: string, value: unknown): boolean {
  if (key === 'nullPages') return value === false;
  if (key in DEFAULTS)
    return JSON.stringify(value) === JSON.stringify(DEFAULTS[key as keyof typeof DEFAULTS]);
  return value === null;
}

function difference(now: Json, before: Json | undefined, key: string): Json {
  const changed: Json = { [key]: now[key] };
  for (const [field, value] of Object.entries(now)) if (before?.[field] !== value) changed[field] = value;
  return changed;
}

/** Page number of an address in the recording. */
export function pageNumber(addr: string): number {
  return Number(BigInt(addr) >> 12n);
}
