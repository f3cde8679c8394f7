/** Pages that are pinned in chunks, page by page, or by helpers that hand back a number, a flag or an array. */
import fc from 'fast-check';
import { block, functionText, indented, type Lines, loop } from '../c-text.ts';
import type { Shape } from './shape.ts';

type Pin = 'chunks' | 'pages' | 'page-helper' | 'number' | 'pointer' | 'flag' | 'array';

interface Choices {
  readonly pin: Pin;
  /** How a chunk's failure is told, where there are chunks, and how many pages it has at most. */
  readonly failure: 'at-once' | 'in-turn';
  readonly most: 'all' | '16' | '512';
  readonly rounds: 'while' | 'for' | 'do';
  readonly array: 'parameter' | 'kvmalloc' | 'member';
  readonly release: 'call' | 'up' | 'down' | 'while';
  readonly call: 'fast' | 'unlocked';
  readonly number: 'int' | 'long';
}

type Mistake =
  | 'partial leak'
  | 'wrong count'
  | 'wrong count by one'
  | 'leak on an error path'
  | 'double release on an error path';

const choices = fc.record<Choices>({
  pin: fc.constantFrom('chunks', 'pages', 'page-helper', 'number', 'pointer', 'flag', 'array'),
  failure: fc.constantFrom('at-once', 'in-turn'),
  most: fc.constantFrom('all', '16', '512'),
  rounds: fc.constantFrom('while', 'for', 'do'),
  array: fc.constantFrom('parameter', 'kvmalloc', 'member'),
  release: fc.constantFrom('call', 'up', 'down', 'while'),
  call: fc.constantFrom('fast', 'unlocked'),
  number: fc.constantFrom('int', 'long'),
});

/** The helper that makes the array gives up by itself, in one way. */
const givesUpHere = ({ pin }: Choices) => pin !== 'array';

/** What the file does not define may release the pages of a structure. */
const isStored = ({ array }: Choices) => array === 'member';

export const chunks: Shape<Choices, Mistake> = {
  title: 'pins in chunks and in helpers',
  choices,
  text,
  mistakes: {
    'partial leak': { codes: ['GUP303', 'GUP304'], floor: 0.58, mayPass: isStored },
    'wrong count': { codes: ['GUP305'], floor: 1 },
    'wrong count by one': { codes: ['GUP305'], floor: 1, fits: givesUpHere },
    'leak on an error path': { codes: ['GUP303', 'GUP304'], floor: 0.79, mayPass: isStored },
    'double release on an error path': { codes: ['GUP306'], floor: 1, fits: givesUpHere },
  },
};

function text(c: Choices, mistake?: Mistake): string {
  const made = c.pin === 'array';
  const own = made || c.array === 'kvmalloc';
  const pages = c.array === 'member' && !made ? 'drv->pages' : 'pages';
  const free = own ? ['kvfree(pages);'] : [];
  const counter = c.pin === 'pages' || c.pin === 'page-helper' ? 'k' : 'done';
  const wrong = { 'wrong count': 'n', 'wrong count by one': `${counter} + 1` }[mistake as string];
  const one = release(c, pages, wrong ?? counter);
  const giveUp =
    mistake === 'partial leak' ? [] : mistake === 'double release on an error path' ? [...one, ...one] : one;
  const leaks = mistake === 'leak on an error path';
  const lines = [
    ...(own ? ['struct page **pages;'] : []),
    ...(made ? [] : [`${c.number} ${counter} = 0;`]),
    ...(c.pin === 'chunks' ? [`${c.number} got;`] : []),
    'int ret = 0;',
    `${c.number} i;`,
    '',
    ...(own && !made ? allocated('return -ENOMEM;') : []),
    ...pinning(c, pages),
    'ret = drv_check(drv, buf);',
    ...(leaks ? block('if (ret)', [own ? 'goto out;' : 'return ret;']) : []),
    `memcpy_from_page(buf, ${pages}[0], 0, 64);`,
    ...release(c, pages, 'n'),
    ...(leaks && own ? ['out:'] : []),
    ...free,
    'return ret;',
    ...(made ? [] : ['', 'err:', ...giveUp, ...free, 'return ret;']),
  ];
  const params = ['struct drv *drv', 'unsigned long start', `${c.number} n`, 'void *buf'];
  if (!own && c.array === 'parameter') params.push('struct page **pages');
  return `${helper(c, mistake)}${functionText(`int drv_peek(${params.join(', ')})`, lines)}`;
}

function acquired({ call }: Choices, start: string, count: string, pages: string): string {
  return call === 'fast'
    ? `pin_user_pages_fast(${start}, ${count}, FOLL_LONGTERM, ${pages})`
    : `pin_user_pages_unlocked(${start}, ${count}, ${pages}, FOLL_LONGTERM)`;
}

function allocated(failure: string): string[] {
  return ['pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);', ...block('if (!pages)', [failure])];
}

/** The lines that pin the pages, or go to `err` with the number of those that are pinned. */
function pinning(c: Choices, pages: string): string[] {
  const failed = ['ret = -EFAULT;', 'goto err;'];
  switch (c.pin) {
    case 'chunks':
      return chunkLoop(c, pages);
    case 'pages':
      return block(
        'for (k = 0; k < n; k++)',
        block(`if (${acquired(c, 'start + k * PAGE_SIZE', '1', `&${pages}[k]`)} != 1)`, failed),
      );
    case 'page-helper':
      return block('for (k = 0; k < n; k++)', [
        `ret = pin_one(start + k * PAGE_SIZE, &${pages}[k]);`,
        ...block('if (ret)', ['goto err;']),
      ]);
    case 'number':
      return [`done = pin_range(start, n, ${pages});`, ...block('if (done < n)', failed)];
    case 'pointer':
      return [`ret = pin_range(start, n, ${pages}, &done);`, ...block('if (ret)', ['goto err;'])];
    case 'flag':
      return block(`if (!pin_range(start, n, ${pages}, &done))`, [
        'ret = -EFAULT;',
        ...block('if (done < 0)', ['done = 0;']),
        'goto err;',
      ]);
    case 'array':
      return ['pages = pin_range(start, n);', ...block('if (IS_ERR(pages))', ['return PTR_ERR(pages);'])];
  }
}

function chunkLoop(c: Choices, pages: string): string[] {
  const left = 'n - done';
  const count = { all: left, 16: `min(${left}, 16)`, 512: `min_t(${c.number}, ${left}, 512)` }[c.most];
  const body = [
    `got = ${acquired(c, 'start + done * PAGE_SIZE', count, `${pages} + done`)};`,
    ...(c.failure === 'at-once'
      ? block('if (got <= 0)', ['ret = got ? got : -EFAULT;', 'goto err;'])
      : [
          ...block('if (got < 0)', ['ret = got;', 'goto err;']),
          ...block('if (got == 0)', ['ret = -EFAULT;', 'goto err;']),
        ]),
    'done += got;',
  ];
  if (c.rounds === 'do') return ['do {', ...indented(body), '} while (done < n);'];
  return block(c.rounds === 'while' ? 'while (done < n)' : 'for (; done < n; )', body);
}

function release(c: Choices, pages: string, count: string): string[] {
  const drop = [`unpin_user_page(${pages}[i]);`];
  switch (c.release) {
    case 'call':
      return [`unpin_user_pages(${pages}, ${count});`];
    case 'up':
      return loop(count, drop);
    case 'down':
      return block(`for (i = ${count} - 1; i >= 0; i--)`, drop);
    case 'while':
      return [`i = ${count};`, ...block('while (--i >= 0)', drop)];
  }
}

/** The function that pins for the other one, where there is one. */
function helper(c: Choices, mistake?: Mistake): string {
  const range = acquired(c, 'start', 'n', 'pages');
  const params = `unsigned long start, ${c.number} n, struct page **pages`;
  const made = (head: string, lines: Lines) => `${functionText(`static ${head}`, lines)}\n`;
  switch (c.pin) {
    case 'page-helper':
      return made('int pin_one(unsigned long addr, struct page **page)', [
        `${c.number} got = ${acquired(c, 'addr', '1', 'page')};`,
        '',
        ...block('if (got == 1)', ['return 0;']),
        'return got < 0 ? got : -EFAULT;',
      ]);
    case 'number':
      return made(`${c.number} pin_range(${params})`, [
        `${c.number} got = ${range};`,
        '',
        'return got < 0 ? 0 : got;',
      ]);
    case 'pointer':
      return made(`int pin_range(${params}, ${c.number} *pinned)`, [
        `${c.number} got = ${range};`,
        '',
        ...block('if (got < 0)', ['return got;']),
        '*pinned = got;',
        'return got == n ? 0 : -EFAULT;',
      ]);
    case 'flag':
      return made(`bool pin_range(${params}, ${c.number} *pinned)`, [
        `*pinned = ${range};`,
        'return *pinned == n;',
      ]);
    case 'array': {
      const count = mistake === 'wrong count' ? 'n' : 'got';
      return made(`struct page **pin_range(unsigned long start, ${c.number} n)`, [
        'struct page **pages;',
        `${c.number} got;`,
        '',
        ...allocated('return ERR_PTR(-ENOMEM);'),
        `got = ${range};`,
        ...block('if (got == n)', ['return pages;']),
        ...(mistake === 'partial leak' ? [] : block('if (got > 0)', [`unpin_user_pages(pages, ${count});`])),
        'kvfree(pages);',
        'return ERR_PTR(got < 0 ? got : -EFAULT);',
      ]);
    }
    default:
      return '';
  }
}
