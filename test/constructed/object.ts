/** A driver whose ioctl pins a buffer into an object, which another operation releases. */
import fc from 'fast-check';
import { block, functionText, type Lines, loop } from '../c-text.ts';
import type { Shape } from './shape.ts';

interface Choices {
  /** Who releases: close() of the one buffer or of a list, an ioctl as well, the last reference, or completed work. */
  readonly owner: 'file' | 'list' | 'ioctl' | 'reference' | 'work';
  readonly store: 'pointer' | 'inline' | 'nested';
  readonly map: 'page' | 'table';
  readonly release: 'call' | 'loop';
  readonly allocation: 'kcalloc' | 'kvmalloc_array';
  readonly call: 'fast' | 'locked';
  /** How a short count is told. */
  readonly test: 'differs' | 'less' | 'negative-then-differs';
}

type Mistake =
  | 'no FOLL_LONGTERM'
  | 'get instead of pin'
  | 'put of a pin'
  | 'missing release at close'
  | 'leak on an error path'
  | 'no FOLL_WRITE'
  | 'not dirtied';

const choices = fc.record<Choices>({
  owner: fc.constantFrom('file', 'list', 'ioctl', 'reference', 'work'),
  store: fc.constantFrom('pointer', 'inline', 'nested'),
  map: fc.constantFrom('page', 'table'),
  release: fc.constantFrom('call', 'loop'),
  allocation: fc.constantFrom('kcalloc', 'kvmalloc_array'),
  call: fc.constantFrom('fast', 'locked'),
  test: fc.constantFrom('differs', 'less', 'negative-then-differs'),
});

const isHeld = ({ owner }: Choices) => owner !== 'work';

/** The work is handed over with an address of the device's, and with it perhaps the pages. */
const mayBeTaken = (c: Choices) => !isHeld(c) && c.map === 'page';

export const object: Shape<Choices, Mistake> = {
  title: 'an object with operations',
  choices,
  text,
  mistakes: {
    'no FOLL_LONGTERM': { codes: ['GUP204'], floor: 1, fits: isHeld },
    'get instead of pin': { codes: ['GUP202', 'GUP203'], floor: 1 },
    'put of a pin': { codes: ['GUP301'], floor: 1 },
    'missing release at close': { codes: ['GUP303'], floor: 0.96, mayPass: mayBeTaken },
    'leak on an error path': { codes: ['GUP303', 'GUP304'], floor: 1 },
    'no FOLL_WRITE': { codes: ['GUP207'], floor: 1 },
    // Where userspace decides when the device has ended, that is not told at warning (docs/rules/GUP308.md).
    'not dirtied': { codes: ['GUP308'], floor: 1, fits: (c) => !isHeld(c) },
  },
};

function text(c: Choices, mistake?: Mistake): string {
  return [
    structures(c),
    functionText('static void buf_free(struct buf *buf)', teardown(c, mistake)),
    ...lastUse(c),
    functionText('static int buf_add(struct ctx *ctx, unsigned long start, int n)', acquisition(c, mistake)),
    operations(c),
  ].join('\n');
}

const pagesOf = (c: Choices) => (c.store === 'nested' ? 'buf->mem.pages' : 'buf->pages');
const countOf = (c: Choices) => (c.store === 'nested' ? 'buf->mem.count' : 'buf->count');

const freeOf = (c: Choices) => `${c.allocation === 'kcalloc' ? 'kfree' : 'kvfree'}(${pagesOf(c)});`;

/** The release of `count` pages, by the function that goes with their acquisition unless `put` says otherwise. */
function release(c: Choices, count: string, dirty: boolean, put: boolean): string[] {
  const pages = pagesOf(c);
  if (put)
    return loop(count, [...(dirty ? [`set_page_dirty_lock(${pages}[i]);`] : []), `put_page(${pages}[i]);`]);
  if (c.release === 'loop') return loop(count, [`unpin_user_pages_dirty_lock(&${pages}[i], 1, ${dirty});`]);
  return [`unpin_user_pages_dirty_lock(${pages}, ${count}, ${dirty});`];
}

/** Declares `i` where the lines need it. */
function withIndex(declarations: Lines, lines: Lines): string[] {
  const own = [...declarations, ...(lines.some((line) => line.includes('[i]')) ? ['int i;'] : [])];
  return own.length > 0 ? [...own, '', ...lines] : [...lines];
}

function structures(c: Choices): string {
  const pages = c.store === 'inline' ? 'struct page *pages[16];' : 'struct page **pages;';
  const memory =
    c.store === 'nested'
      ? '\tstruct {\n\t\tstruct page **pages;\n\t\tint count;\n\t} mem;'
      : `\t${pages}\n\tint count;`;
  return `struct ctx {
	struct device *dev;
	struct mutex lock;
	struct list_head bufs;
	struct buf *cur;
};

struct buf {
${memory}
	struct ctx *ctx;
	struct sg_table sgt;
	dma_addr_t dma;
	struct list_head node;
	struct kref ref;
	struct work_struct work;
};
`;
}

function teardown(c: Choices, mistake?: Mistake): string[] {
  const unmap =
    c.map === 'table'
      ? ['dma_unmap_sgtable(buf->ctx->dev, &buf->sgt, DMA_FROM_DEVICE, 0);', 'sg_free_table(&buf->sgt);']
      : ['dma_unmap_page(buf->ctx->dev, buf->dma, PAGE_SIZE, DMA_FROM_DEVICE);'];
  const put = mistake === 'put of a pin' || mistake === 'get instead of pin';
  const all = release(c, countOf(c), mistake !== 'not dirtied', put);
  const free = c.store === 'inline' ? [] : [freeOf(c)];
  const lines = [...unmap, ...(mistake === 'missing release at close' ? [] : all), ...free, 'kfree(buf);'];
  return withIndex([], lines);
}

/** What the last reference, or the completion of the transfer, calls. */
function lastUse({ owner }: Choices): string[] {
  const via = (head: string, member: string, from: string) =>
    functionText(head, [`buf_free(container_of(${from}, struct buf, ${member}));`]);
  if (owner === 'reference') return [via('static void buf_last(struct kref *ref)', 'ref', 'ref')];
  if (owner === 'work') return [via('static void buf_done(struct work_struct *work)', 'work', 'work')];
  return [];
}

function acquisition(c: Choices, mistake?: Mistake): string[] {
  const pages = pagesOf(c);
  const get = mistake === 'get instead of pin';
  const flags = [
    ...(mistake === 'no FOLL_WRITE' ? [] : ['FOLL_WRITE']),
    ...(isHeld(c) && !get && mistake !== 'no FOLL_LONGTERM' ? ['FOLL_LONGTERM'] : []),
  ];
  const array = c.store !== 'inline';
  const freePages = array ? 'goto free_pages;' : 'goto free_buf;';
  const lines = [
    ...(array ? [] : block('if (n > ARRAY_SIZE(buf->pages))', ['return -EINVAL;'])),
    'buf = kzalloc(sizeof(*buf), GFP_KERNEL);',
    ...block('if (!buf)', ['return -ENOMEM;']),
    'buf->ctx = ctx;',
    ...(array ? [`${pages} = ${c.allocation}(n, sizeof(*${pages}), GFP_KERNEL);`] : []),
    ...(array ? block(`if (!${pages})`, ['ret = -ENOMEM;', 'goto free_buf;']) : []),
    ...acquire(c, get, flags.join(' | ') || '0'),
    ...checked(c, release(c, 'got', false, get), freePages),
    `${countOf(c)} = n;`,
    ...mapping(c),
    ...published(c),
    'return 0;',
    '',
    ...(c.map === 'table' ? ['free_table:', 'sg_free_table(&buf->sgt);'] : []),
    'release:',
    ...(mistake === 'leak on an error path' ? [] : release(c, countOf(c), false, get)),
    ...(array ? ['free_pages:', freeOf(c)] : []),
    'free_buf:',
    'kfree(buf);',
    'return ret;',
  ];
  return withIndex(['struct buf *buf;', 'int got;', 'int ret;'], lines);
}

function acquire(c: Choices, get: boolean, flags: string): string[] {
  const name = get ? 'get_user_pages' : 'pin_user_pages';
  if (c.call === 'fast') return [`got = ${name}_fast(start, n, ${flags}, ${pagesOf(c)});`];
  return [
    'mmap_read_lock(current->mm);',
    `got = ${name}(start, n, ${flags}, ${pagesOf(c)});`,
    'mmap_read_unlock(current->mm);',
  ];
}

function checked(c: Choices, giveUp: Lines, leave: string): string[] {
  if (c.test === 'negative-then-differs')
    return [
      ...block('if (got < 0)', ['ret = got;', leave]),
      ...block('if (got != n)', [...giveUp, 'ret = -EFAULT;', leave]),
    ];
  return block(c.test === 'less' ? 'if (got < n)' : 'if (got != n)', [
    'ret = got < 0 ? got : -EFAULT;',
    ...block('if (got > 0)', giveUp),
    leave,
  ]);
}

function mapping(c: Choices): string[] {
  if (c.map === 'page')
    return [
      `buf->dma = dma_map_page(ctx->dev, ${pagesOf(c)}[0], 0, PAGE_SIZE, DMA_FROM_DEVICE);`,
      ...block('if (dma_mapping_error(ctx->dev, buf->dma))', ['ret = -EIO;', 'goto release;']),
    ];
  const table = `&buf->sgt, ${pagesOf(c)}, n, 0, n << PAGE_SHIFT, GFP_KERNEL`;
  return [
    `ret = sg_alloc_table_from_pages(${table});`,
    ...block('if (ret)', ['goto release;']),
    'ret = dma_map_sgtable(ctx->dev, &buf->sgt, DMA_FROM_DEVICE, 0);',
    ...block('if (ret)', ['goto free_table;']),
  ];
}

/** Where the object is put for whoever releases it. */
function published({ owner, map }: Choices): string[] {
  const listed = [
    'mutex_lock(&ctx->lock);',
    'list_add_tail(&buf->node, &ctx->bufs);',
    'mutex_unlock(&ctx->lock);',
  ];
  switch (owner) {
    case 'file':
      return ['ctx->cur = buf;'];
    case 'reference':
      return ['kref_init(&buf->ref);', ...listed];
    case 'work':
      return [
        'INIT_WORK(&buf->work, buf_done);',
        `ctx_submit(ctx, ${map === 'page' ? 'buf->dma' : 'sg_dma_address(buf->sgt.sgl)'}, &buf->work);`,
      ];
    default:
      return listed;
  }
}

function operations(c: Choices): string {
  const drop = c.owner === 'reference' ? 'kref_put(&buf->ref, buf_last);' : 'buf_free(buf);';
  const close =
    {
      file: block('if (ctx->cur)', ['buf_free(ctx->cur);']),
      work: ['flush_workqueue(ctx_queue);'],
    }[c.owner as string] ??
    block('list_for_each_entry_safe(buf, next, &ctx->bufs, node)', ['list_del(&buf->node);', drop]);
  const lists = close.some((line) => line.includes('next'));
  const remove = functionText('static int buf_del(struct ctx *ctx, unsigned long id)', [
    'struct buf *buf = buf_find(ctx, id);',
    '',
    ...block('if (!buf)', ['return -ENOENT;']),
    'list_del(&buf->node);',
    'buf_free(buf);',
    'return 0;',
  ]);
  return [
    ...(c.owner === 'ioctl' ? [remove] : []),
    functionText('static int ctx_release(struct inode *inode, struct file *file)', [
      'struct ctx *ctx = file->private_data;',
      ...(lists ? ['struct buf *buf, *next;'] : []),
      '',
      ...close,
      'kfree(ctx);',
      'return 0;',
    ]),
    functionText('static long ctx_ioctl(struct file *file, unsigned int cmd, unsigned long arg)', [
      'struct ctx *ctx = file->private_data;',
      'struct buf_args args;',
      '',
      ...block('if (copy_from_user(&args, (void __user *)arg, sizeof(args)))', ['return -EFAULT;']),
      'switch (cmd) {',
      'case BUF_ADD:',
      '\treturn buf_add(ctx, args.start, args.n);',
      ...(c.owner === 'ioctl' ? ['case BUF_DEL:', '\treturn buf_del(ctx, args.id);'] : []),
      '}',
      'return -ENOTTY;',
    ]),
    'static const struct file_operations ctx_fops = {\n\t.unlocked_ioctl = ctx_ioctl,\n\t.release = ctx_release,\n};\n',
  ].join('\n');
}
