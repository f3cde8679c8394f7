/** What drivers really do to a parser, in small: every get and put must be seen once, in its function, in its loop. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Kind } from '#server/syntax/kinds.ts';
import type { Parser } from '#server/syntax/parser.ts';
import { macroOfStatement } from '#server/syntax/rewritten.ts';
import type { SyntaxTree } from '#server/syntax/tree.ts';
import { backends, find, open } from './support.ts';

let parsers: Parser[];
beforeAll(async () => {
  parsers = await backends();
});

const OLD = { major: 4, minor: 4, patch: 0 };
const INTEREST = /\b(?:get|pin|unpin)_user_pages?\w*|\bput_page\b/;

/** Calls of interest as `name/arguments`, in every function of a text; fails where a tree has an error. */
function calls(text: string, kernelVersion = { major: 6, minor: 12, patch: 0 }): string[] {
  const [first, ...others] = parsers.map((parser) => {
    const source = open(text, { kernelVersion, prefer: INTEREST });
    return source.functions.flatMap((found, index) => {
      const tree = source.parse(index, parser);
      expect(tree.hasError, `${found.name}: ${source.slice(index).code}`).toBe(false);
      return callsOf(tree);
    });
  });
  for (const other of others) expect(other).toEqual(first);
  return first!;
}

function callsOf(tree: SyntaxTree): string[] {
  const found: string[] = [];
  for (let call = find(tree, 'call_expression'); call >= 0; call = find(tree, 'call_expression', call)) {
    const callee = tree.firstChild[call]!;
    const name = tree.text.slice(tree.start[callee], tree.end[callee]);
    if (!INTEREST.test(name)) continue;
    const list = tree.nextSibling[callee]!;
    let commas = 0;
    for (let child = tree.firstChild[list]!; child >= 0; child = tree.nextSibling[child]!) {
      if (tree.kind[child] === Kind[',']) commas++;
    }
    found.push(`${name}/${commas + 1}`);
  }
  return found;
}

const inFunction = (body: string) => `static long probe(struct ctx *c)\n{\n${body}\n}\n`;

describe('a version ladder', () => {
  test.each([
    [
      'around whole calls',
      `#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
	r = pin_user_pages(a, n, f, p);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(4, 6, 0)
	r = get_user_pages(a, n, f, p, NULL);
#else
	r = get_user_pages(current, mm, a, n, 1, 0, p, NULL);
#endif`,
      ['pin_user_pages/4'],
      ['get_user_pages/8'],
    ],
    [
      'inside the arguments',
      `	r = get_user_pages(
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 6, 0)
		current, current->mm,
#endif
		a, n, f, p);`,
      ['get_user_pages/4'],
      ['get_user_pages/6'],
    ],
    [
      'around the head of a shared body',
      `#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
	if (get_user_pages_fast(a, n, 1, p) != n) {
#else
	if (pin_user_pages_fast(a, n, FOLL_WRITE, p) != n) {
#endif
		put_page(p[0]);
	}`,
      ['pin_user_pages_fast/4', 'put_page/1'],
      ['get_user_pages_fast/4', 'put_page/1'],
    ],
    [
      'with a brace opened in one branch and closed in another',
      `#ifdef HAVE_PIN_USER_PAGES
	if (c->pinned) {
		pin_user_pages(a, n, f, p);
#endif
	c->n++;
#ifdef HAVE_PIN_USER_PAGES
	}
#endif`,
      ['pin_user_pages/4'],
      ['pin_user_pages/4'],
    ],
    [
      'as the body of a braceless loop',
      `	for (i = 0; i < n; i++)
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
		put_page(p[i]);
#else
		unpin_user_page(p[i]);
#endif
	return 0;`,
      ['unpin_user_page/1'],
      ['put_page/1'],
    ],
    [
      'behind a label',
      `	goto out;
out:
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
	put_page(p[0]);
#endif
	`,
      [],
      ['put_page/1'],
    ],
    [
      'between else and its block',
      `	if (!c)
		return 0;
	else
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
	if (c->old)
#endif
	{
		put_page(p[0]);
	}`,
      ['put_page/1'],
      ['put_page/1'],
    ],
  ])('%s', (_name, body, now, then) => {
    expect(calls(inFunction(body))).toEqual(now);
    expect(calls(inFunction(body), OLD)).toEqual(then);
  });

  test('get and put under twin conditions belong to one configuration', () => {
    const text = [
      '#ifdef HAVE_PIN',
      '#define WANT 1',
      '#endif',
      inFunction(
        '#ifdef HAVE_PIN\n\tpin_user_pages(a, n, f, p);\n#else\n\tget_user_pages(a, n, f, p);\n#endif',
      ),
      inFunction('#ifndef HAVE_PIN\n\tput_page(p[0]);\n#else\n\tunpin_user_page(p[0]);\n#endif').replace(
        'probe',
        'drop',
      ),
    ].join('\n');
    expect(calls(text)).toEqual(['pin_user_pages/4', 'unpin_user_page/1']);
  });
});

describe('macros', () => {
  test.each([
    [
      'types as arguments',
      'r = pin_user_pages_fast(a, min_t(unsigned long, n, 8), f, p);',
      ['pin_user_pages_fast/4'],
    ],
    [
      'a type in an argument of the call',
      'put_page(container_of(w, struct foo, work)->page);',
      ['put_page/1'],
    ],
    ['an operator as an argument', 'ASSERT3U(n, <=, 8); put_page(p);', ['put_page/1']],
    ['a hidden jump', 'if (r < 0) GOTO(out, rc = put_page(p)); out: RETURN(rc);', ['put_page/1']],
    ['a macro without a semicolon', 'ENTRY\n\tDBG("x")\n\tput_page(p);', ['put_page/1']],
    [
      'annotations in a cast',
      'pin_user_pages((unsigned long __force)(void __user *)a, n, f, p);',
      ['pin_user_pages/4'],
    ],
    [
      'a condition',
      'if (unlikely(pin_user_pages_fast(a, 1, f, &p) != 1)) return -EFAULT;',
      ['pin_user_pages_fast/4'],
    ],
    [
      'a cleanup variable',
      'struct page **p __free(kvfree) = alloc(n);\n\tpin_user_pages(a, n, f, p);',
      ['pin_user_pages/4'],
    ],
    ['a statement expression', 'r = ({ int x = pin_user_pages(a, n, f, p); x; });', ['pin_user_pages/4']],
    ['scoped guards', 'guard(mutex)(&c->m);\n\tscoped_guard(rwsem, &c->s) { put_page(p); }', ['put_page/1']],
  ])('%s', (_name, body, expected) => {
    expect(calls(inFunction(`\t${body}`))).toEqual(expected);
  });

  test.each([
    ['for_each_sg(sgl, sg, n, i) {\n\t\tput_page(sg_page(sg));\n\t}', 'for_each_sg'],
    ['for_each_sg(sgl, sg, n, i)\n\t\tput_page(sg_page(sg));', 'for_each_sg'],
    [
      'list_for_each_entry_safe(e, t, &c->l, node) {\n\t\tput_page(e->page);\n\t}',
      'list_for_each_entry_safe',
    ],
    ['for_each_vma(vmi, vma) if (vma) {\n\t\tput_page(p);\n\t}', 'for_each_vma'],
    ['cfs_list_foreach(pos, head) {\n\t\tput_page(p);\n\t}', 'cfs_list_foreach'],
    ['OUR_LOOP(i, n) {\n\t\tput_page(p[i]);\n\t}', 'OUR_LOOP'],
  ])('a loop macro stays a loop: %j', (body, macro) => {
    const source = open(inFunction(`\t${body}`));
    for (const parser of parsers) {
      const tree = source.parse(0, parser);
      expect(tree.hasError).toBe(false);
      let at = find(tree, 'call_expression');
      while (!tree.text.startsWith('put_page', tree.start[at]!)) at = find(tree, 'call_expression', at);
      while (at >= 0 && tree.kind[at] !== Kind.while_statement) at = tree.parent[at]!;
      expect(macroOfStatement(tree, at)).toBe(macro);
    }
  });

  test('wrapper macros can be read, whichever version chose them', () => {
    const text = [
      '#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)',
      '#define MY_PIN(a, n, p) \\',
      '\tpin_user_pages_fast(a, n, FOLL_WRITE, p)',
      '#else',
      '#define MY_PIN(a, n, p) get_user_pages_fast(a, n, 1, p)',
      '#endif',
      inFunction('\treturn MY_PIN(a, n, p);'),
    ].join('\n');
    const bodies = [undefined, OLD].map((kernelVersion) => {
      const means = (word: string): boolean => word.includes('user_pages');
      const source = open(text, kernelVersion === undefined ? { means } : { kernelVersion, means });
      return callsOf(source.parseExpanded(0, parsers[0]!).tree);
    });
    expect(bodies).toEqual([['pin_user_pages_fast/4'], ['get_user_pages_fast/4']]);
  });
});
