/** Whole drivers that are edited at random: every version is analysed as if it were the first. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAnalyzer } from '#server/linter/file/analysis.ts';
import type { EditorAnalyzer } from '#server/linter/file/analyzer.ts';
import { lintText } from '#server/linter/file/service.ts';
import { type Edit, edited } from './edits.ts';

const OPTIONS = { kernel: { major: 6, minor: 12, patch: 0 }, explanations: false, levels: {} } as const;

/** More runs, and another seed, where somebody has the time: GUPCHECK_EDITS=200. */
const RUNS = Number(process.env.GUPCHECK_EDITS ?? 2);

const folder = path.join(import.meta.dirname, '../drivers');
const drivers = readdirSync(folder).filter((name) => name.endsWith('.c'));

let analyzer: EditorAnalyzer;
beforeAll(async () => {
  analyzer = await createAnalyzer();
});

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyEdit: fc.Arbitrary<Edit> = fc.record({ kind: share, at: share, what: share });

function compare(versions: readonly string[]): void {
  const document = analyzer.forDocument();
  for (const version of versions)
    expect(lintText(document, 'a.c', version, OPTIONS)).toEqual(lintText(analyzer, 'a.c', version, OPTIONS));
  document.dispose();
}

describe('an edited driver', () => {
  it.each(drivers)('is analysed as a fresh one is, whatever the edits: %s', (name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    fc.assert(
      fc.property(fc.array(anyEdit, { minLength: 3, maxLength: 6 }), (edits) => {
        const versions = [text];
        for (const edit of edits) versions.push(edited(versions.at(-1)!, edit));
        compare([...versions, versions[1]!, text]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

const HOLDER = readFileSync(path.join(folder, 'register_buffer.c'), 'utf8');

describe('what an edit changes elsewhere', () => {
  it('a notifier that is registered in another function', () => {
    const other = '\nint attach(struct mm_struct *mm)\n{\n\treturn 0;\n}\n';
    const registers = other.replace('return 0', 'return mmu_notifier_register(&notifier, mm)');
    compare([HOLDER + other, HOLDER + registers, HOLDER + other]);
  });

  it('the type of a variable that pages are left in', () => {
    const file = (type: string): string => `struct one {
	struct page *page;
};
struct two {
	struct page *page;
};
static struct ${type} *kept;
int keep(unsigned long addr)
{
	return pin_user_pages_fast(addr, 1, FOLL_WRITE, &kept->page);
}
void drop(struct one *one)
{
	unpin_user_page(one->page);
}
`;
    compare([file('one'), file('two'), file('one')]);
  });

  it('who calls the function that releases', () => {
    const closing = HOLDER.replace(/\.release = (\w+)/, '.read = $1');
    expect(closing).not.toBe(HOLDER);
    compare([HOLDER, closing, HOLDER]);
  });
});
