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
  readonly addr: string;
  readonly gupFlags: number;
  readonly nr?: number;
  readonly from: number;
  readonly arg: number;
  readonly slot: number;
  readonly nullPages: boolean;
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

export type Json = Record<string, unknown>;

/** Parses one file's text. Throws on a line that is not JSON, with its number. */
export function parseRecordings(text: string): Recording[] {
  const recordings: Recording[] = [];
  let current: Recording | undefined;
  let history = new History();
  let last: Step | undefined;
  const start = (json: Json, desc: string, before?: Recording['before']): void => {
    current = {
      boot: String(json.boot),
      name: String(json.scn),
      desc,
      steps: [],
      ...(before === undefined ? {} : { before }),
    };
    history = new History();
    recordings.push(current);
  };
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const json = parseLine(line, i + 1);
    if (typeof json.type === 'string') {
      if (json.type !== 'scenario') continue;
      const contiguous = last !== undefined && last.seq === Number(json.seq) - 1;
      start(json, String(json.desc), contiguous ? counters(last!) : undefined);
      continue;
    }
    if (current === undefined || (json.scn !== undefined && current.name !== json.scn)) start(json, '');
    last = history.expand(json);
    current!.steps.push(last);
  }
  return recordings;
}

export function parseLine(line: string, number: number): Json {
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

/** Values of fields that a step may leave out whatever came before. */
export const DEFAULTS: Readonly<Record<string, unknown>> = {
  addr: '0x0',
  gupFlags: 0,
  from: 0,
  arg: 0,
  slot: 0,
  nullPages: false,
  ret: 0,
  warnDelta: 0,
  drained: true,
  user: {},
};

/** Fields that a step may leave out when they are as in the step before. */
export const INHERITED = ['pid', 'watchNames', 'addrNames'] as const;

/** A page with this many fields is complete; one with fewer tells what changed. */
const COMPLETE = 30;

/** What the steps of one scenario showed last. */
export class History {
  readonly pages = new Map<number, Json>();
  readonly entries = new Map<string, Json>();
  readonly inherited: Json = { watchNames: {}, addrNames: [] };

  /** Fills in what a step leaves out. */
  expand(json: Json): Step {
    const kernel = (json.kernel ?? {}) as Json;
    const pages = ((kernel.pages ?? []) as Json[]).map((page) => {
      if ('page' in page) return page;
      const complete = Object.keys(page).length >= COMPLETE;
      const full = complete ? page : { ...this.pages.get(page.w as number), ...page };
      this.pages.set(page.w as number, full);
      return full;
    });
    const pte = ((kernel.pte ?? []) as Json[]).map((entry) => {
      const key = entry.addr as string;
      const complete = 'none' in entry || 'level' in entry;
      const full = complete ? entry : { ...this.entries.get(key), ...entry };
      this.entries.set(key, full);
      return full;
    });
    for (const key of INHERITED) if (key in json) this.inherited[key] = json[key];
    const present = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
    return {
      ...DEFAULTS,
      ...this.inherited,
      ...present,
      kernel: {
        vmstat: { nrFollPinAcquired: 0, nrFollPinReleased: 0 },
        mmHasPinned: 0,
        ...kernel,
        pages,
        pte,
      },
    } as unknown as Step;
  }
}

/** Page number of an address in the recording. */
export function pageNumber(addr: string): number {
  return Number(BigInt(addr) >> 12n);
}
