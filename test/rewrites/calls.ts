/** Calls that acquire and release pages, written or wrapped otherwise. */
import { Field, Kind } from '#server/syntax/kinds.ts';
import type { FunctionCode, Local } from './code.ts';
import { expressionOf, isAssignment } from './expressions.ts';
import type { Hook, Rewrite, RewrittenFile, Writer } from './rewriter.ts';

const ACQUIRE = /^(get|pin)_user_pages(_fast|_remote|_unlocked)?$/;
const RELEASE = /^(put_page|unpin_user_pages?|unpin_user_pages_dirty_lock|release_pages|put_user_pages?)$/;

/** Parameters of the functions in question, by name: type and stars, and what it is. */
const ADDRESS = 'unsigned long start';
const PAGES = 'struct page **pages';
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  get_user_pages_fast: [ADDRESS, 'int nr', 'unsigned int flags', PAGES],
  get_user_pages: [ADDRESS, 'unsigned long nr', 'unsigned int flags', PAGES],
  get_user_pages_unlocked: [ADDRESS, 'unsigned long nr', PAGES, 'unsigned int flags'],
  get_user_pages_remote: [
    'struct mm_struct *mm',
    ADDRESS,
    'unsigned long nr',
    'unsigned int flags',
    PAGES,
    'int *locked',
  ],
  put_page: ['struct page *page'],
  unpin_user_page: ['struct page *page'],
  unpin_user_pages: [PAGES, 'unsigned long n'],
  unpin_user_pages_dirty_lock: [PAGES, 'unsigned long n', 'bool dirty'],
  release_pages: [PAGES, 'int n'],
};

function signatureOf(fn: string, args: number): readonly string[] | undefined {
  const known = SIGNATURES[fn.replace(/^pin_user/, 'get_user').replace(/^put_user_page/, 'unpin_user_page')];
  return known?.length === args ? known : undefined;
}

const nameOf = (param: string): string => /\w+$/.exec(param)![0];

/** Puts calls into a static helper of the file that has the same parameters. */
function wrapped(kind: string, calls: RegExp, isInline: boolean): Rewrite {
  return {
    kind,
    // As a parameter of the helper a truth value has the type of flags.
    mayChange: /GUP109/,
    hook: (code, file) => (n, to) => {
      const fn = code.callee(n);
      if (fn === undefined || !calls.test(fn) || !code.isOwn(n)) return undefined;
      const args = code.args(n);
      const params = signatureOf(fn, args.length);
      if (params === undefined || !file.take(code)) return undefined;
      const helper = file.fresh('helper');
      file.homes.set(helper, code.name);
      const isVoid = RELEASE.test(fn);
      file.addBefore(
        code.name,
        `static ${isInline ? 'inline ' : ''}${isVoid ? 'void' : 'long'} ${helper}(${params.join(', ')})\n{\n\t${isVoid ? '' : 'return '}${fn}(${params.map(nameOf).join(', ')});\n}\n\n`,
      );
      return `${helper}(${args.map((a) => to.write(a)).join(', ')})`;
    },
  };
}

function hidden(kind: string, calls: RegExp): Rewrite {
  return {
    kind,
    hook: (code, file) => (n, to) => {
      const fn = code.callee(n);
      if (fn === undefined || !calls.test(fn) || !code.isOwn(n) || !file.take(code)) return undefined;
      const args = code.args(n);
      const macro = file.fresh('my_macro');
      const params = args.map((_, i) => 'abcdefgh'[i]).join(', ');
      file.addBefore(code.name, `\n#define ${macro}(${params}) ${fn}(${params})\n`);
      return `${macro}(${args.map((a) => to.write(a)).join(', ')})`;
    },
  };
}

/** A statement that consists of a matching call, perhaps with its result assigned: the call, or -1. */
function callOf(code: FunctionCode, statement: number, calls: RegExp): number {
  const e = expressionOf(code, statement);
  const call = isAssignment(code, e) ? code.child(e, Field.right) : e;
  return calls.test(code.callee(call) ?? '') && code.isOwn(call) ? call : -1;
}

/** Puts one argument of a call into a local of its own before the statement. */
function inLocal(kind: string, calls: RegExp, pick: (param: string) => boolean): Rewrite {
  return {
    kind,
    hook: (code, file) => {
      let within: { arg: number; name: string } | undefined;
      const hook: Hook = (n, to) => {
        if (n === within?.arg) return within.name;
        const call = callOf(code, n, calls);
        const args = call < 0 ? [] : code.args(call);
        const params = call < 0 ? undefined : signatureOf(code.callee(call)!, args.length);
        const at = params?.findIndex(pick) ?? -1;
        if (at < 0 || !file.take(code)) return undefined;
        const name = file.fresh('own');
        const declared = params![at]!.replace(/\w+$/, name);
        const value = to.write(args[at]!);
        within = { arg: args[at]!, name };
        const text = to.copy(n);
        within = undefined;
        return `{ ${declared} = ${value}; ${text} }`;
      };
      return hook;
    },
  };
}

export const CALLS: readonly Rewrite[] = [
  wrapped('acquire in a helper', ACQUIRE, false),
  wrapped('acquire in an inline helper', ACQUIRE, true),
  wrapped('release in a helper', RELEASE, false),
  hidden('acquire in a macro', ACQUIRE),
  hidden('release in a macro', RELEASE),
  inLocal('flags in a local', ACQUIRE, (p) => p === 'unsigned int flags'),
  inLocal('address in a local', ACQUIRE, (p) => p === ADDRESS),
  inLocal('count in a local', ACQUIRE, (p) => nameOf(p) === 'nr'),
  inLocal('array in a local, acquire', ACQUIRE, (p) => p === PAGES),
  inLocal('array in a local, release', RELEASE, (p) => p === PAGES),
  inLocal('count in a local, release', RELEASE, (p) => nameOf(p) === 'n'),
  inLocal('page in a local', /^(put_page|unpin_user_page)$/, (p) => nameOf(p) === 'page'),
  {
    kind: 'result in another local first',
    hook: (code, file) => (n, to) => {
      const e = expressionOf(code, n);
      if (!isAssignment(code, e) || !ACQUIRE.test(code.callee(code.child(e, Field.right)) ?? ''))
        return undefined;
      if (!file.take(code)) return undefined;
      const name = file.fresh('got');
      const type = /_fast$/.test(code.callee(code.child(e, Field.right))!) ? 'int' : 'long';
      return `{ ${type} ${name} = ${to.write(code.child(e, Field.right))}; ${to.write(code.child(e, Field.left))} = ${name}; }`;
    },
  },
  {
    kind: 'arguments cast',
    hook: (code, file) => (n, to) => {
      const parent = code.tree.parent[code.tree.parent[n]!]!;
      const fn = code.callee(parent);
      if (
        fn === undefined ||
        !(ACQUIRE.test(fn) || RELEASE.test(fn)) ||
        !code.is(code.tree.parent[n]!, Kind.argument_list)
      )
        return undefined;
      const args = code.args(parent);
      const at = args.indexOf(n);
      const param = at < 0 ? undefined : signatureOf(fn, args.length)?.[at];
      if (param === undefined || !file.take(code)) return undefined;
      return `(${param.replace(/ ?\w+$/, '')})(${to.copy(n)})`;
    },
  },
  {
    kind: 'unpin_user_pages() as loop',
    hook: (code, file) => (n, to) => {
      const call = callOf(code, n, /^unpin_user_pages(_dirty_lock)?$/);
      if (call < 0 || !code.is(code.tree.parent[n]!, Kind.compound_statement)) return undefined;
      const args = code.args(call);
      const dirty = args[2];
      if (args.length !== (code.callee(call) === 'unpin_user_pages' ? 2 : 3) || !file.take(code))
        return undefined;
      const i = file.fresh('each');
      const [pages, count] = args.map((a) => to.write(a));
      const mark =
        dirty === undefined || code.text(dirty) === 'false'
          ? ''
          : `if (${to.write(dirty)}) set_page_dirty_lock((${pages})[${i}]); `;
      return `{ int ${i}; for (${i} = 0; ${i} < ${count}; ${i}++) { ${mark}unpin_user_page((${pages})[${i}]); } }`;
    },
  },
  {
    kind: 'put_page() as folio_put()',
    hook: (code, file) => (n, to) => {
      if (code.callee(n) !== 'put_page' || code.args(n).length !== 1 || !code.isOwn(n) || !file.take(code))
        return undefined;
      return `folio_put(page_folio(${to.write(code.args(n)[0]!)}))`;
    },
  },
  {
    kind: 'block in a helper',
    hook: (code, file) => (n, to) => outlined(code, file, n, to),
  },
];

/** A loop that releases, or the block of an if, as a static function whose parameters are the locals that it uses. */
function outlined(code: FunctionCode, file: RewrittenFile, n: number, to: Writer): string | undefined {
  const isLoop = code.is(n, Kind.for_statement, Kind.while_statement);
  const isBlock = code.is(n, Kind.compound_statement) && code.is(code.tree.parent[n]!, Kind.if_statement);
  if (!(isLoop || isBlock) || !code.isWhole(n) || code.leaves(n)) return undefined;
  if (code.calls(n, RELEASE).next().done) return undefined;
  const used = new Map<string, Local>();
  for (const each of code.below(n)) {
    const local = code.is(each, Kind.identifier) ? code.locals.get(code.text(each)) : undefined;
    if (local !== undefined) used.set(local.name, local);
    // A label or a macro that looks at locals cannot move.
    if (code.is(each, Kind.declaration, Kind.labeled_statement)) return undefined;
  }
  for (const local of used.values()) {
    if (!local.isPlain || local.base === '') return undefined;
    if (new RegExp(`&${local.name}\\b(?!\\[)`).test(code.text(n))) return undefined;
    const isSet = [...code.below(n)].some((e) => changes(code, e, local.name));
    const rest = code.tree.text.slice(code.tree.end[n], code.end);
    if (isSet && (new RegExp(`\\b${local.name}\\b(?!\\s*=[^=])`).test(rest) || isInLoop(code, n)))
      return undefined;
  }
  if (!file.take(code)) return undefined;
  const helper = file.fresh('part');
  file.homes.set(helper, code.name);
  const params = [...used.values()].map(
    ({ base, stars, isArray, name }) => `${base} ${'*'.repeat(stars + (isArray ? 1 : 0))}${name}`,
  );
  const text = to.copy(n);
  file.addBefore(
    code.name,
    `static void ${helper}(${params.join(', ') || 'void'})\n${isLoop ? `{\n\t${text}\n}` : text}\n\n`,
  );
  const call = `${helper}(${[...used.keys()].join(', ')});`;
  return isLoop ? call : `{ ${call} }`;
}

function changes(code: FunctionCode, e: number, name: string): boolean {
  const target = code.is(e, Kind.assignment_expression)
    ? code.child(e, Field.left)
    : code.is(e, Kind.update_expression)
      ? code.child(e, Field.argument)
      : -1;
  return code.is(target, Kind.identifier) && code.text(target) === name;
}

function isInLoop(code: FunctionCode, n: number): boolean {
  for (let at = code.tree.parent[n]!; at >= 0; at = code.tree.parent[at]!)
    if (code.is(at, Kind.for_statement, Kind.while_statement, Kind.do_statement)) return true;
  return false;
}
