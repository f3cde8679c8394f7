/** Random small drivers as C: one function that acquires pages, perhaps uses them, and releases them, rightly or not. */
import fc from 'fast-check';
import { block, functionText, loop } from '../c-text.ts';

/** The choices that a program is made of. */
export interface Choices {
  readonly kind: 'get' | 'pin';
  readonly form: 'fast' | 'unlocked';
  /** Requested pages: one, two in a local array, or a parameter with an array of the caller's. */
  readonly count: 'one' | 'two' | 'n';
  readonly write: boolean;
  readonly test: 'short' | 'negative' | 'none-or-negative' | 'unsigned';
  /** A short count is released before the function gives up. */
  readonly releasesShort: boolean;
  readonly access: 'none' | 'read' | 'write' | 'device-reads' | 'device-writes';
  readonly dirty: 'no' | 'locked' | 'unlocked' | 'flag';
  readonly release: 'put' | 'unpin' | 'array' | 'requested' | 'dirty-lock' | 'none';
  /** A way out in the middle, which releases or does not. */
  readonly early: 'no' | 'releases' | 'leaks' | 'label';
  /** Dirty and release are in one loop, or in two. */
  readonly loops: 'one' | 'two';
  readonly comment: boolean;
}

export const choices: fc.Arbitrary<Choices> = fc.record({
  kind: fc.constantFrom('get', 'pin'),
  form: fc.constantFrom('fast', 'unlocked'),
  count: fc.constantFrom('one', 'two', 'n'),
  write: fc.boolean(),
  test: fc.constantFrom('short', 'negative', 'none-or-negative', 'unsigned'),
  releasesShort: fc.boolean(),
  access: fc.constantFrom('none', 'read', 'write', 'device-reads', 'device-writes'),
  dirty: fc.constantFrom('no', 'locked', 'unlocked', 'flag'),
  release: fc.constantFrom('put', 'unpin', 'array', 'requested', 'dirty-lock', 'none'),
  early: fc.constantFrom('no', 'releases', 'leaks', 'label'),
  loops: fc.constantFrom('one', 'two'),
  comment: fc.boolean(),
});

/** The text of a program, in the kernel's style. */
export function programOf(c: Choices): string {
  const one = c.count === 'one';
  const n = one ? '1' : c.count === 'two' ? '2' : 'n';
  const pages = one ? '&page' : 'pages';
  const flags = c.write ? 'FOLL_WRITE' : '0';
  const name = `${c.kind}_user_pages_${c.form}`;
  const args = c.form === 'fast' ? [`addr`, n, flags, pages] : ['addr', n, pages, flags];
  const type = c.form === 'fast' ? 'int' : 'long';
  const params = ['struct device *dev', 'unsigned long addr', 'void *buf', 'bool dirty'];
  if (c.count === 'n')
    params.push(`${c.test === 'unsigned' ? 'unsigned int' : 'int'} n`, 'struct page **pages');
  const page = one ? 'page' : 'pages[i]';
  const each = (body: readonly string[]) => (one ? [...body] : loop('got', body));
  const release = releaseLines(c, pages, page, n);
  const shortRelease = c.releasesShort && !one ? loop('got', [`${own(c)}(pages[i]);`]) : [];
  const lines = [
    ...(one ? ['struct page *page;'] : c.count === 'two' ? ['struct page *pages[2];'] : []),
    `${type} got;`,
    ...(one ? [] : ['int i;']),
    'int ret = 0;',
    '',
    `got = ${name}(${args.join(', ')});`,
    ...failing(c, n, shortRelease),
    ...access(c, each, page),
    ...early(c, release),
    ...release,
    ...(c.early === 'label' ? ['out:'] : []),
    'return ret;',
  ];
  return functionText(`int f(${params.join(', ')})`, lines);
}

function failing(c: Choices, n: string, shortRelease: readonly string[]): string[] {
  const condition = {
    short: `got != ${n}`,
    negative: 'got < 0',
    'none-or-negative': 'got <= 0',
    unsigned: `got < ${n}`,
  }[c.test];
  const body = [...shortRelease, 'return -EFAULT;'];
  return block(`if (${condition})`, body);
}

function access(c: Choices, each: (body: readonly string[]) => string[], page: string): string[] {
  const direction = c.access === 'device-reads' ? 'DMA_TO_DEVICE' : 'DMA_FROM_DEVICE';
  switch (c.access) {
    case 'none':
      return [];
    case 'read':
      return each([`memcpy_from_page(buf, ${page}, 0, 16);`]);
    case 'write':
      return each([`memcpy_to_page(${page}, 0, buf, 16);`]);
    default:
      return each([
        `run_transfer(dev, dma_map_page(dev, ${page}, 0, PAGE_SIZE, ${direction}));`,
        `dma_unmap_page(dev, 0, PAGE_SIZE, ${direction});`,
      ]);
  }
}

function early(c: Choices, release: readonly string[]): string[] {
  switch (c.early) {
    case 'no':
      return [];
    case 'releases':
      return block('if (!device_ready(dev))', [...release, 'return -EBUSY;']);
    case 'leaks':
      return block('if (!device_ready(dev))', ['return -EBUSY;']);
    case 'label':
      return block('if (!device_ready(dev))', ['ret = -EBUSY;', 'goto out;']);
  }
}

function releaseLines(c: Choices, pages: string, page: string, n: string): string[] {
  const one = c.count === 'one';
  const mark = {
    no: [],
    locked: [`set_page_dirty_lock(${page});`],
    unlocked: [`set_page_dirty(${page});`],
    flag: ['if (dirty)', `\tset_page_dirty_lock(${page});`],
  }[c.dirty];
  const said = c.comment ? ['/* done with it */'] : [];
  const bound = c.release === 'requested' ? n : 'got';
  switch (c.release) {
    case 'none':
      return one ? [...mark] : loop('got', mark);
    case 'dirty-lock':
      return [`unpin_user_pages_dirty_lock(${pages}, ${one ? '1' : 'got'}, true);`];
    case 'array': {
      const call = c.kind === 'pin' ? 'unpin_user_pages' : 'release_pages';
      return [...(one ? mark : loop('got', mark)), ...said, `${call}(${pages}, ${one ? '1' : 'got'});`];
    }
    default: {
      const call = c.release === 'put' ? 'put_page' : c.release === 'unpin' ? 'unpin_user_page' : own(c);
      const drop = `${call}(${page});`;
      if (one) return [...mark, ...said, drop];
      if (c.loops === 'two') return [...loop(bound, mark), ...loop(bound, [...said, drop])];
      return loop(bound, [...mark, ...said, drop]);
    }
  }
}

function own({ kind }: Choices): string {
  return kind === 'pin' ? 'unpin_user_page' : 'put_page';
}
