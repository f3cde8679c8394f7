/**
 * Functions that a configuration describes, as the wrappers that they are: a row becomes the C of a function that does
 * with kernel functions what the row says, and is then inlined like a function of a header. So it has all that flow knows
 * of the kernel's functions, and needs no table of its own.
 */

/** A row of `functions`. Numbers are positions of arguments. Validated by schema.ts. */
export interface FunctionRow {
  readonly acquires?: 'get' | 'pin';
  readonly releases?: 'put' | 'unpin';
  readonly page?: number;
  readonly pages?: number;
  readonly count?: number;
  readonly flags?: number | string;
  readonly result?: 'count' | 'status' | 'bool' | 'page';
  readonly mmapLock?: boolean;
  readonly dirty?: true | number;
  readonly dirties?: number;
  readonly writes?: readonly number[];
  readonly reads?: readonly number[];
  readonly dma?: { readonly page: number; readonly direction: 'to-device' | 'from-device' | 'bidirectional' };
  readonly takes?: readonly number[];
  readonly locks?: 'mmap';
  readonly unlocks?: 'mmap';
  readonly harmless?: true;
  readonly since?: string;
  readonly until?: string;
}

/** What is wrong with a row that the schema cannot say; undefined where nothing is. */
export function objectionTo(
  row: FunctionRow,
): { key: keyof FunctionRow; what: string; cure: string } | undefined {
  const { acquires, releases } = row;
  if (acquires !== undefined && releases !== undefined)
    return {
      key: 'releases',
      what: 'it cannot both acquire and release',
      cure: 'describe what is left in the end',
    };
  if (acquires !== undefined && row.result === 'page' && row.pages === undefined && row.page === undefined)
    return undefined;
  if (acquires !== undefined && (row.pages === undefined) === (row.page === undefined))
    return {
      key: 'acquires',
      what: 'where the pages go is not said',
      cure: 'give pages or page (or result: "page")',
    };
  if (acquires !== undefined && row.pages !== undefined && row.count === undefined)
    return {
      key: 'pages',
      what: 'how many pages are acquired is not said',
      cure: 'give count, or page for one',
    };
  if (releases !== undefined && (row.pages === undefined) === (row.page === undefined))
    return {
      key: 'releases',
      what: 'which pages are released is not said',
      cure: 'give pages and count, or page',
    };
  if (releases !== undefined && row.pages !== undefined && row.count === undefined)
    return {
      key: 'pages',
      what: 'how many pages are released is not said',
      cure: 'give count, or page for one',
    };
  const does = [
    'acquires',
    'releases',
    'dirties',
    'writes',
    'reads',
    'dma',
    'takes',
    'locks',
    'unlocks',
    'harmless',
  ];
  if (!Object.keys(row).some((key) => does.includes(key)))
    return { key: 'since', what: 'nothing is said of what it does', cure: `give one of ${does.join(', ')}` };
  return undefined;
}

/** The C of the function that a row describes. */
export function wrapperOf(name: string, row: FunctionRow): string {
  const params = new Map<number, string>();
  const body = [...statements(row, params)];
  const last = Math.max(-1, ...params.keys());
  const list = Array.from({ length: last + 1 }, (_, at) => `${params.get(at) ?? 'unsigned long '}a${at}`);
  return `static inline long ${name}(${list.join(', ')}) { ${body.join(' ')} }`;
}

const DIRECTIONS = {
  'to-device': 'DMA_TO_DEVICE',
  'from-device': 'DMA_FROM_DEVICE',
  bidirectional: 'DMA_BIDIRECTIONAL',
} as const;

function* statements(row: FunctionRow, params: Map<number, string>): Generator<string> {
  const arg = (at: number, type: string): string => {
    params.set(at, type);
    return `a${at}`;
  };
  const page = (at: number): string => arg(at, 'struct page *');
  if (row.locks !== undefined) yield 'mmap_read_lock(current->mm);';
  if (row.dirties !== undefined) yield `set_page_dirty_lock(${page(row.dirties)});`;
  // An argument is a page or an address of its data; of the two calls the one that fits does something.
  for (const at of row.writes ?? []) yield `clear_highpage(${page(at)}); memset(a${at}, 0, 1);`;
  for (const at of row.reads ?? []) yield `memcpy_from_page(0, ${page(at)}, 0, 1); strlen(a${at});`;
  if (row.dma !== undefined) {
    const direction = DIRECTIONS[row.dma.direction];
    const map = `dma_map_page(0, ${page(row.dma.page)}, 0, PAGE_SIZE, ${direction})`;
    yield `dma_addr_t mapped = ${map}; dma_unmap_page(0, mapped, PAGE_SIZE, ${direction});`;
  }
  for (const at of row.takes ?? []) yield `taken_over_elsewhere(${page(at)});`;
  if (row.releases !== undefined) yield released(row, row.releases, arg);
  if (row.acquires !== undefined) yield* acquired(row, row.acquires, arg);
  if (row.unlocks !== undefined) yield 'mmap_read_unlock(current->mm);';
}

type Arg = (at: number, type: string) => string;

function released(row: FunctionRow, how: 'put' | 'unpin', arg: Arg): string {
  const dirty = row.dirty === undefined ? undefined : row.dirty === true ? 'true' : arg(row.dirty, 'bool ');
  const one = row.page === undefined ? undefined : arg(row.page, 'struct page *');
  const array = row.pages === undefined ? undefined : arg(row.pages, 'struct page **');
  const count = row.count === undefined ? '1' : arg(row.count, 'unsigned long ');
  if (how === 'unpin') {
    if (dirty !== undefined)
      return `unpin_user_pages_dirty_lock(${array ?? `&${one}`}, ${array ? count : 1}, ${dirty});`;
    return array === undefined ? `unpin_user_page(${one});` : `unpin_user_pages(${array}, ${count});`;
  }
  if (array === undefined) {
    const mark = dirty === undefined ? '' : `if (${dirty}) set_page_dirty_lock(${one}); `;
    return `${mark}put_page(${one});`;
  }
  if (dirty === undefined) return `release_pages(${array}, ${count});`;
  const each = `if (${dirty}) set_page_dirty_lock(${array}[i]); put_page(${array}[i]);`;
  return `long i; for (i = 0; i < ${count}; i++) { ${each} }`;
}

function* acquired(row: FunctionRow, how: 'get' | 'pin', arg: Arg): Generator<string> {
  const name = `${how}_user_pages${row.mmapLock === true ? '' : '_fast'}`;
  const flags = typeof row.flags === 'number' ? arg(row.flags, 'unsigned int ') : (row.flags ?? '0');
  const count = row.pages === undefined || row.count === undefined ? '1' : arg(row.count, 'unsigned long ');
  const given = row.pages ?? row.page;
  const into = given === undefined ? '&page' : arg(given, 'struct page **');
  if (given === undefined) yield 'struct page *page;';
  const call = `${name}(0, ${count}, ${flags}, ${into})`;
  switch (row.result ?? 'count') {
    case 'count':
      yield `return ${call};`;
      break;
    case 'bool':
      yield `return ${call} == ${count};`;
      break;
    case 'page':
      yield `if (${call} != 1) return ERR_PTR(-EFAULT); return ${given === undefined ? 'page' : `*${into}`};`;
      break;
    case 'status': {
      const undo = how === 'pin' ? `unpin_user_pages(${into}, got)` : `release_pages(${into}, got)`;
      yield `long got = ${call}; if (got == ${count}) return 0; if (got > 0) ${undo}; return -EFAULT;`;
    }
  }
}
