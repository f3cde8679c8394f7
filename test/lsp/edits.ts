/** Random edits of C around page pinning: typing, and changes of what a function does to its callers and pages. */

/** Words that make another function of the one they are put into. */
const WORDS = [
  'put_page',
  'unpin_user_page',
  'unpin_user_pages_dirty_lock',
  'pin_user_pages_fast',
  'get_user_pages_fast',
  'FOLL_WRITE',
  'FOLL_LONGTERM',
  'set_page_dirty_lock',
  'pfn_to_page',
  'iommu_unmap',
  'dma_unmap_sg',
  'wait_for_completion_timeout',
  'kmap_local_page',
  'spin_lock',
  'mmap_read_lock',
  'mmap_read_unlock',
  'schedule_work',
  'release',
  'page',
  'pages',
  'ret',
  '0',
  '1',
];

const LINES = [
  '\treturn 0;',
  '\treturn -EFAULT;',
  '\tput_page(page);',
  '\tunpin_user_pages(pages, n);',
  '\tspin_lock(&lock);',
  '\tmmap_read_unlock(current->mm);',
  '\tif (ret < 0)',
  '\tpage = NULL;',
  '}',
  '{',
  'static struct page *last;',
  'static int extra(struct page *page)\n{\n\tput_page(page);\n\treturn 1;\n}',
  'EXPORT_SYMBOL(extra);',
  '#define put_page(p) unpin_user_page(p)',
  '#define LIMIT 4',
  '#define page_to_drop(x) put_page(x)',
  '#define EFAULT 0',
  '\tunsigned int n;',
  '\tu8 nr_pages;',
  '\tlong npages;',
  '\tstruct page *page;',
  '\tstruct buffer *next;',
  'struct buffer {',
  '};',
  '#ifdef CONFIG_MORE',
  '#endif',
  '/* mmu_notifier_register(&a, mm); flush_dcache_page(page); */',
  '\tmmu_notifier_register(&a, mm);',
  '\tflush_dcache_page(page);',
  '\tatomic64_add(n, &mm->pinned_vm);',
  '\tINIT_WORK(&a->work, extra);',
  '',
];

const PIECES = ['{', '}', ';', '\n', '(', ')', 'x', '/*', '*/', '"', '&', '->', ' ', '#if 0\n', '#endif\n'];

/** What says nothing to a compiler. */
const SILENT = [' ', '\n', '\t', '\n\t/* a note: put_page(page); */\n', ' /* why */', ' // why', '\n\n\n'];

/** One edit; numbers are shares of what there is to choose from. */
export interface Edit {
  readonly kind: number;
  readonly at: number;
  readonly what: number;
}

/** The text after an edit. */
export function edited(text: string, { kind, at, what }: Edit): string {
  const of = <T>(all: readonly T[], share: number): T =>
    all[Math.min(all.length - 1, Math.floor(share * all.length))]!;
  const lines = text.split('\n');
  const line = Math.min(lines.length - 1, Math.floor(at * lines.length));
  switch (Math.floor(kind * 10)) {
    case 0: {
      const from = Math.floor(at * text.length);
      return text.slice(0, from) + of(PIECES, what) + text.slice(from + (Math.floor(what * 97) % 7));
    }
    case 1:
      return lines.toSpliced(line, 1).join('\n');
    case 2:
      return lines.toSpliced(line, 0, lines[Math.floor(what * lines.length)] ?? '').join('\n');
    case 3:
      return lines.toSpliced(line, 0, of(LINES, what)).join('\n');
    case 4:
      return lines.with(line, of(LINES, what)).join('\n');
    case 5:
      return lines.with(line, `${lines[line]}${of(SILENT, what)}`).join('\n');
    case 6: {
      const spaces = [...text.matchAll(/\s+/g)];
      const space = of(spaces, at);
      return text.slice(0, space.index) + of(SILENT, what) + text.slice(space.index);
    }
    default: {
      // A word becomes another one, of the file or of those that matter.
      const words = [...text.matchAll(/\b\w+\b/g)];
      const word = of(words, at);
      const mine = of(words, what)[0];
      const put = Math.floor(kind * 80) % 2 === 0 ? mine : of(WORDS, what);
      return text.slice(0, word.index) + put + text.slice(word.index + word[0].length);
    }
  }
}
