/** A transfer in one function: pages are pinned, a device or the CPU uses them, and they are released. */
import fc from 'fast-check';
import { block, functionText, indented, type Lines, loop } from '../c-text.ts';
import type { Shape } from './shape.ts';

type Style = 'call' | 'up' | 'down' | 'while' | 'variable' | 'function' | 'macro';

interface Choices {
  readonly array: 'kmalloc' | 'kvmalloc' | 'local' | 'member';
  readonly result: 'int' | 'long' | 'ssize_t';
  /** How a short count is told. */
  readonly test:
    | 'differs'
    | 'unlikely'
    | 'not-equal'
    | 'less'
    | 'negative-then-differs'
    | 'none-then-less'
    | 'copied'
    | 'nested';
  readonly unsigned: boolean;
  /** How what a short count has pinned is released, and how the whole is. */
  readonly givesUp: Style;
  readonly releases: Style;
  readonly bound: 'n' | 'got';
  readonly exit: 'label' | 'return' | 'break' | 'none';
  readonly use: 'memcpy' | 'kmap' | 'copy_from_user' | 'dma' | 'scatterlist' | 'pfn';
}

type Mistake =
  | 'leak on an error path'
  | 'partial leak'
  | 'put of a pin'
  | 'double release'
  | 'wrong count'
  | 'not dirtied'
  | 'no FOLL_WRITE'
  | 'use after release';

const style = fc.constantFrom<Style>('call', 'up', 'down', 'while', 'variable', 'function', 'macro');

const choices: fc.Arbitrary<Choices> = fc
  .record<Choices>({
    array: fc.constantFrom('kmalloc', 'kvmalloc', 'local', 'member'),
    result: fc.constantFrom('int', 'long', 'ssize_t'),
    test: fc.constantFrom(
      'differs',
      'unlikely',
      'not-equal',
      'less',
      'negative-then-differs',
      'none-then-less',
      'copied',
      'nested',
    ),
    unsigned: fc.boolean(),
    givesUp: style,
    releases: style,
    bound: fc.constantFrom('n', 'got'),
    exit: fc.constantFrom('label', 'return', 'break', 'none'),
    use: fc.constantFrom('memcpy', 'kmap', 'copy_from_user', 'dma', 'scatterlist', 'pfn'),
  })
  // A mapping that fails needs a way out; a count that is compared as a signed number is one.
  .filter((c) => !canFail(c) || hasExit(c))
  .filter((c) => !c.unsigned || ['differs', 'unlikely', 'not-equal', 'nested'].includes(c.test));

const canFail = (c: Choices) => c.use === 'dma' || c.use === 'scatterlist';
const hasExit = (c: Choices) => c.exit !== 'none' && c.test !== 'nested';
const writes = (c: Choices) => c.use !== 'pfn';

/** What the file does not define may release the pages of a structure, or replace them. */
const isStored = (c: Choices) => c.array === 'member';
/** A function that is given page frame numbers may take the pages over. */
const mayBeTaken = (c: Choices) => isStored(c) || c.use === 'pfn';
/** So may one that is given a scatterlist: only ways out that pass it by and meet the mistake show it. */
const isGiven = (c: Choices) => isStored(c) || (c.use === 'scatterlist' && c.exit === 'return');

export const transfer: Shape<Choices, Mistake> = {
  title: 'a transfer in one function',
  choices,
  text,
  mistakes: {
    'leak on an error path': { codes: ['GUP303', 'GUP304'], floor: 0.9, fits: hasExit, mayPass: mayBeTaken },
    'partial leak': { codes: ['GUP303', 'GUP304'], floor: 0.96, mayPass: isStored },
    'put of a pin': { codes: ['GUP301'], floor: 1 },
    'double release': { codes: ['GUP306'], floor: 0.9, mayPass: isGiven },
    'wrong count': { codes: ['GUP305'], floor: 1 },
    'not dirtied': { codes: ['GUP308'], floor: 1, fits: writes, mayPass: isStored },
    'no FOLL_WRITE': { codes: ['GUP207'], floor: 1, fits: writes },
    'use after release': { codes: ['GUP307'], floor: 0.9, mayPass: isGiven },
  },
};

function text(c: Choices, mistake?: Mistake): string {
  const pages = c.array === 'member' ? 'drv->pages' : 'pages';
  const dirty = writes(c) && mistake !== 'not dirtied';
  const mark = dirty ? [`set_page_dirty_lock(${pages}[i]);`] : [];
  const all =
    mistake === 'put of a pin'
      ? loop(c.bound, [...mark, `put_page(${pages}[i]);`])
      : releaseLines(c.releases, pages, c.bound, dirty);
  const short = releaseLines(c.givesUp, pages, mistake === 'wrong count' ? 'n' : 'got', false);
  const giveUp = mistake === 'partial leak' ? [] : short;
  const free = freeLines(c.array);
  const leave = free.length > 0 ? 'goto free;' : 'return ret;';
  const after =
    mistake === 'double release'
      ? all
      : mistake === 'use after release'
        ? [`memcpy(out, page_address(${pages}[0]), 16);`]
        : [];
  const flags = writes(c) && mistake !== 'no FOLL_WRITE' ? 'FOLL_WRITE' : '0';
  const acquire = `got = pin_user_pages_fast(start, n, ${flags}, ${pages});`;
  const leaks = mistake === 'leak on an error path';
  const used = (fail?: Lines) => useLines(c.use, pages, fail);
  const body =
    c.test === 'nested'
      ? nested(acquire, [...used(), ...all, ...after], giveUp)
      : [
          acquire,
          ...checked(c, giveUp, leave),
          ...withExit(c, used, all, leaks ? leave : undefined),
          ...after,
        ];
  const lines = [
    ...declarations(c),
    '',
    ...allocation(c.array),
    ...body,
    ...(free.length > 0 && body.some((line) => line.includes('goto free;')) ? ['free:'] : []),
    ...free,
    'return ret;',
  ];
  const params = [
    'struct drv *drv',
    'unsigned long start',
    `${c.unsigned ? 'unsigned long' : 'int'} n`,
    'void *in',
    'void __user *arg',
    'void *out',
  ];
  return `${helpers(c, lines, dirty)}${functionText(`static int drv_transfer(${params.join(', ')})`, lines)}`;
}

function declarations(c: Choices): string[] {
  const array = {
    kmalloc: ['struct page **pages;'],
    kvmalloc: ['struct page **pages;'],
    local: ['struct page *pages[4];'],
    member: [],
  }[c.array];
  return [
    ...array,
    ...(c.use === 'dma' ? ['dma_addr_t dma;'] : []),
    ...(c.use === 'kmap' || c.use === 'copy_from_user' ? ['void *va;'] : []),
    `${c.result} got;`,
    'int ret = 0;',
    'long i;',
  ];
}

function allocation(array: Choices['array']): string[] {
  if (array === 'member') return [];
  if (array === 'local') return block('if (n > ARRAY_SIZE(pages))', ['return -EINVAL;']);
  const call = array === 'kmalloc' ? 'kmalloc_array' : 'kvmalloc_array';
  return [`pages = ${call}(n, sizeof(*pages), GFP_KERNEL);`, ...block('if (!pages)', ['return -ENOMEM;'])];
}

function freeLines(array: Choices['array']): string[] {
  if (array === 'local' || array === 'member') return [];
  return array === 'kmalloc' ? ['kfree(pages);'] : ['kvfree(pages);'];
}

/** Gives up where fewer pages than asked for were pinned. */
function checked(c: Choices, giveUp: Lines, leave: string): string[] {
  const failed = [...block('if (got > 0)', giveUp), 'ret = got < 0 ? got : -EFAULT;', leave];
  const short = [...giveUp, 'ret = -EFAULT;', leave];
  switch (c.test) {
    case 'negative-then-differs':
      return [...block('if (got < 0)', ['ret = got;', leave]), ...block('if (got != n)', short)];
    case 'none-then-less':
      return [
        ...block('if (got <= 0)', ['ret = got ? got : -EFAULT;', leave]),
        ...block('if (got < n)', short),
      ];
    case 'copied':
      return ['ret = got;', ...block('if (ret < 0)', [leave]), ...block('if (ret < n)', short), 'ret = 0;'];
    case 'unlikely':
      return block('if (unlikely(n != got))', failed);
    case 'not-equal':
      return block('if (!(got == n))', failed);
    case 'less':
      return block('if (got < n)', failed);
    default:
      return block('if (got != n)', failed);
  }
}

function nested(acquire: string, success: Lines, giveUp: Lines): string[] {
  const failed = [...block('if (got > 0)', giveUp), 'ret = got < 0 ? got : -EFAULT;'];
  return [acquire, 'if (got == n) {', ...indented(success), '} else {', ...indented(failed), '}'];
}

/** The use with its way out, and the release. With a leak, the way out passes the release by. */
function withExit(c: Choices, used: (fail?: Lines) => string[], release: Lines, leaveBy?: string): string[] {
  const passBy = leaveBy === undefined ? undefined : ['ret = -EIO;', leaveBy];
  switch (c.exit) {
    case 'none':
      return [...used(), ...release];
    case 'label':
      return passBy
        ? [...used(passBy), ...release]
        : [...used(['ret = -EIO;', 'goto unpin;']), 'unpin:', ...release];
    case 'return':
      return [...used([...(leaveBy ? [] : release), ...freeLines(c.array), 'return -EIO;']), ...release];
    case 'break':
      return ['do {', ...indented(used(passBy ?? ['ret = -EIO;', 'break;'])), '} while (0);', ...release];
  }
}

/** What is done with the pages. `fail` is the way out where it fails; without one it cannot fail. */
function useLines(use: Choices['use'], pages: string, fail?: Lines): string[] {
  const unless = (condition: string) => block(`if (${condition})`, fail ?? []);
  switch (use) {
    case 'memcpy':
      return [`memcpy_to_page(${pages}[0], 0, in, 64);`, ...unless('drv_wait(drv)')];
    case 'kmap':
      return [
        `va = kmap_local_page(${pages}[0]);`,
        'memcpy(va, in, 64);',
        'kunmap_local(va);',
        ...unless('drv->dead'),
      ];
    case 'copy_from_user':
      return [
        `va = kmap_local_page(${pages}[n - 1]);`,
        'ret = copy_from_user(va, arg, 64) ? -EFAULT : 0;',
        'kunmap_local(va);',
        ...unless('ret'),
      ];
    case 'dma':
      return [
        `dma = dma_map_page(drv->dev, ${pages}[0], 0, PAGE_SIZE, DMA_FROM_DEVICE);`,
        ...unless('dma_mapping_error(drv->dev, dma)'),
        'drv_run(drv, dma);',
        'dma_unmap_page(drv->dev, dma, PAGE_SIZE, DMA_FROM_DEVICE);',
      ];
    case 'scatterlist':
      return [
        ...unless(`sg_alloc_table_from_pages(&drv->sgt, ${pages}, n, 0, n << PAGE_SHIFT, GFP_KERNEL)`),
        ...block('if (dma_map_sgtable(drv->dev, &drv->sgt, DMA_FROM_DEVICE, 0))', [
          'sg_free_table(&drv->sgt);',
          ...(fail ?? []),
        ]),
        'drv_start(drv);',
        'dma_unmap_sgtable(drv->dev, &drv->sgt, DMA_FROM_DEVICE, 0);',
        'sg_free_table(&drv->sgt);',
      ];
    case 'pfn':
      return [`ret = drv_process(drv, page_to_pfn(${pages}[0]));`, ...unless('ret')];
  }
}

function releaseLines(style: Style, pages: string, count: string, dirty: boolean): string[] {
  const each = (page: string) => [
    ...(dirty ? [`set_page_dirty_lock(${page});`] : []),
    `unpin_user_page(${page});`,
  ];
  switch (style) {
    case 'call':
      return [releaseCall(pages, count, dirty)];
    case 'up':
      return loop(count, each(`${pages}[i]`));
    case 'down':
      return block(`for (i = ${count} - 1; i >= 0; i--)`, each(`${pages}[i]`));
    case 'while':
      return [`i = ${count};`, ...block('while (i--)', each(`${pages}[i]`))];
    case 'variable':
      return loop(count, [`struct page *page = ${pages}[i];`, '', ...each('page')]);
    case 'function':
      return [`${dirty ? 'drv_release' : 'drv_give_up'}(${pages}, ${count});`];
    case 'macro':
      return [`${dirty ? 'drv_release_all' : 'drv_give_up_all'}(${pages}, ${count});`];
  }
}

function releaseCall(pages: string, count: string, dirty: boolean): string {
  return dirty
    ? `unpin_user_pages_dirty_lock(${pages}, ${count}, true);`
    : `unpin_user_pages(${pages}, ${count});`;
}

/** The functions and macros that the body calls for a release. */
function helpers(c: Choices, body: Lines, dirty: boolean): string {
  const called = (name: string) => body.some((line) => line.includes(`${name}(`));
  const made = [false, ...(dirty ? [true] : [])].flatMap((marks) => {
    const name = marks ? 'drv_release' : 'drv_give_up';
    const call = releaseCall('pages', 'n', marks);
    const head = `static void ${name}(struct page **pages, ${c.unsigned ? 'unsigned long' : 'int'} n)`;
    return [
      ...(called(name) ? [functionText(head, [call])] : []),
      ...(called(`${name}_all`) ? [`#define ${name}_all(pages, n) ${call.slice(0, -1)}\n`] : []),
    ];
  });
  return made.map((one) => `${one}\n`).join('');
}
