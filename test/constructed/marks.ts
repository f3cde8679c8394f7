/**
 * A transfer of one page with one way out for all failures: marks that are set on the way say there what is to be undone.
 */
import fc from 'fast-check';
import { block, functionText, indented, type Lines } from '../c-text.ts';
import type { Shape } from './shape.ts';

/** What the marks are: two variables, one that counts, or one with bits; local, in a local structure, or in the object. */
type Kind = 'flags' | 'inverted' | 'numbers' | 'stage' | 'counted' | 'named' | 'bits' | 'bit operations';

interface Choices {
  readonly kind: Kind;
  readonly where: 'local' | 'struct' | 'object';
  readonly asks: 'plainly' | 'compared';
  /** Where it is undone: at a label, behind a loop that is run once, or in a function that is given the marks. */
  readonly undo: 'label' | 'break' | 'function';
  readonly map: 'page' | 'single';
  /** What fails before the mapping, after it, or both. */
  readonly fails: 'before' | 'after' | 'both';
}

type Mistake = 'pin not marked' | 'mapping not marked' | 'mapping undone too late';

const choices: fc.Arbitrary<Choices> = fc
  .record<Choices>({
    kind: fc.constantFrom(
      'flags',
      'inverted',
      'numbers',
      'stage',
      'counted',
      'named',
      'bits',
      'bit operations',
    ),
    where: fc.constantFrom('local', 'struct', 'object'),
    asks: fc.constantFrom('plainly', 'compared'),
    undo: fc.constantFrom('label', 'break', 'function'),
    map: fc.constantFrom('page', 'single'),
    fails: fc.constantFrom('before', 'after', 'both'),
  })
  .filter((c) => c.undo !== 'function' || c.where === 'local');

/** Marks in an object may be changed by whoever is given it. */
const isShared = (c: Choices) => c.where === 'object';

export const marks: Shape<Choices, Mistake> = {
  title: 'marks that say what is to be undone',
  choices,
  text,
  mistakes: {
    'pin not marked': { codes: ['GUP303'], floor: 0.9, fits: (c) => !isOne(c.kind), mayPass: isShared },
    'mapping not marked': { codes: ['GUP311'], floor: 0.9, mayPass: isShared },
    'mapping undone too late': { codes: ['GUP311'], floor: 0.9, mayPass: isShared },
  },
};

/** One variable for both: what is mapped is pinned. */
function isOne(kind: Kind): boolean {
  return kind === 'stage' || kind === 'counted' || kind === 'named';
}

interface Marks {
  readonly before?: string;
  readonly declared: readonly (readonly [type: string, name: string, start: string])[];
  readonly pinned: { readonly set: string; readonly asked: string };
  readonly mapped: { readonly set: string; readonly asked: string };
}

/** The marks of a kind, under the name that `at` gives each variable. */
function marksOf({ kind, asks }: Choices, at: (name: string) => string): Marks {
  const compared = asks === 'compared';
  const two = (type: string, no: string, yes: string, plain: (v: string) => string): Marks => ({
    declared: [
      [type, 'pinned', no],
      [type, 'mapped', no],
    ],
    pinned: mark(at('pinned'), yes, compared, plain),
    mapped: mark(at('mapped'), yes, compared, plain),
  });
  const one = (
    type: string,
    start: string,
    sets: [string, string],
    names: [string, string],
    before?: string,
  ): Marks => ({
    ...(before !== undefined && { before }),
    declared: [[type, 'stage', start]],
    pinned: {
      set: sets[0],
      asked: compared ? `${at('stage')} >= ${names[0]}` : `${at('stage')} != ${start}`,
    },
    mapped: {
      set: sets[1],
      asked: compared ? `${at('stage')} >= ${names[1]}` : `${at('stage')} == ${names[1]}`,
    },
  });
  const bits = (set: (bit: string) => string, ask: (bit: string) => string): Marks => ({
    before: '#define DRV_PINNED 1\n#define DRV_MAPPED 2\n',
    declared: [['unsigned long', 'done', '0']],
    pinned: { set: set('DRV_PINNED'), asked: ask('DRV_PINNED') },
    mapped: { set: set('DRV_MAPPED'), asked: ask('DRV_MAPPED') },
  });
  switch (kind) {
    case 'flags':
      return two('bool', 'false', 'true', (v) => v);
    case 'inverted':
      return two('bool', 'true', 'false', (v) => `!${v}`);
    case 'numbers':
      return two('int', '0', '1', (v) => `${v} != 0`);
    case 'stage':
      return one('int', '0', [`${at('stage')} = 1;`, `${at('stage')} = 2;`], ['1', '2']);
    case 'counted':
      return one('int', '0', [`${at('stage')}++;`, `${at('stage')}++;`], ['1', '2']);
    case 'named':
      return one(
        'enum drv_stage',
        'DRV_NOTHING',
        [`${at('stage')} = DRV_PINNED;`, `${at('stage')} = DRV_MAPPED;`],
        ['DRV_PINNED', 'DRV_MAPPED'],
        'enum drv_stage { DRV_NOTHING, DRV_PINNED, DRV_MAPPED };\n',
      );
    case 'bits':
      return bits(
        (bit) => `${at('done')} |= ${bit};`,
        (bit) => (compared ? `(${at('done')} & ${bit}) != 0` : `${at('done')} & ${bit}`),
      );
    case 'bit operations':
      return bits(
        (bit) => `__set_bit(${bit}, &${at('done')});`,
        (bit) => `test_bit(${bit}, &${at('done')})`,
      );
  }
}

function mark(name: string, yes: string, compared: boolean, plain: (v: string) => string) {
  return { set: `${name} = ${yes};`, asked: compared ? `${name} == ${yes}` : plain(name) };
}

function text(c: Choices, mistake?: Mistake): string {
  const prefix = { local: '', struct: 'undo.', object: 'drv->' }[c.where];
  const own = marksOf(c, (name) => `${prefix}${name}`);
  const { before = '', declared, pinned, mapped } = own;
  const map = {
    page: ['dma = dma_map_page(drv->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);'],
    single: ['dma = dma_map_single(drv->dev, page_address(page), PAGE_SIZE, DMA_TO_DEVICE);'],
  }[c.map];
  const unmap = `dma_unmap_${c.map}(drv->dev, dma, PAGE_SIZE, DMA_TO_DEVICE);`;
  const end = c.undo === 'label' ? 'goto out;' : 'break;';
  const leave = c.undo === 'function' ? 'goto out;' : end;
  const step = (call: string): string[] => [`ret = ${call};`, ...block('if (ret)', [leave])];
  const way = [
    ...(mistake === 'pin not marked' ? [] : [pinned.set]),
    ...(c.fails === 'after' ? [] : step('drv_prepare(drv->id)')),
    ...map,
    ...(mistake === 'mapping not marked' ? [] : [mapped.set]),
    ...(c.fails === 'before' ? ['ret = drv_run(drv->id);'] : step('drv_run(drv->id)')),
  ];
  const undo = (at: Marks): string[] => {
    const parts = [
      block(`if (${at.mapped.asked})`, [unmap]),
      block(`if (${at.pinned.asked})`, ['unpin_user_page(page);']),
    ];
    return (mistake === 'mapping undone too late' ? parts.reverse() : parts).flat();
  };
  const inFunction = declared.map(([type, name]) => `${type} ${name}`).join(', ');
  const helper = functionText(
    `static void drv_undo(struct drv *drv, struct page *page, dma_addr_t dma, ${inFunction})`,
    undo(marksOf(c, (name) => name)),
  );
  const lines: Lines = [
    'struct page *page;',
    'dma_addr_t dma = 0;',
    'int ret = 0;',
    ...places(c, declared),
    '',
    ...block('if (pin_user_pages_fast(start, 1, 0, &page) != 1)', ['return -EFAULT;']),
    ...(c.undo === 'break' ? ['do {', ...indented(way), '} while (0);'] : [...way, 'out:']),
    ...(c.undo === 'function'
      ? [`drv_undo(drv, page, dma, ${declared.map(([, name]) => name).join(', ')});`]
      : undo(own)),
    'return ret;',
  ];
  const members = declared.map(([type, name]) => `${type} ${name};`);
  const struct = c.where === 'local' ? '' : `struct drv_undo {\n${indented(members).join('\n')}\n};\n`;
  const object = c.where === 'object' ? members : [];
  const drv = `struct drv {\n${indented(['struct device *dev;', 'int id;', ...object]).join('\n')}\n};\n`;
  const body = functionText('static int drv_send(struct drv *drv, unsigned long start)', lines);
  return `${before}${c.where === 'struct' ? struct : ''}${drv}\n${c.undo === 'function' ? `${helper}\n` : ''}${body}`;
}

/** The marks' declarations, with what they are at first. */
function places(c: Choices, declared: Marks['declared']): string[] {
  if (c.where === 'local') return declared.map(([type, name, start]) => `${type} ${name} = ${start};`);
  if (c.where === 'object') return ['', ...declared.map(([, name, start]) => `drv->${name} = ${start};`)];
  return [
    `struct drv_undo undo = { ${declared.map(([, name, start]) => `.${name} = ${start}`).join(', ')} };`,
  ];
}
