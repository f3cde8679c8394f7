/** Loops and counters in other forms. */
import { Field, Kind } from '#server/syntax/kinds.ts';
import type { FunctionCode } from './code.ts';
import type { Rewrite, RewrittenFile } from './rewriter.ts';

function isFor(code: FunctionCode, n: number): boolean {
  return code.is(n, Kind.for_statement) && code.isOwn(n) && !code.continues(code.child(n, Field.body));
}

/** `i++` or `i--` whose value nobody looks at. */
function isStep(code: FunctionCode, n: number): boolean {
  const parent = code.tree.parent[n]!;
  const isAlone = code.is(parent, Kind.expression_statement) || code.tree.field[n] === Field.update;
  return code.is(n, Kind.update_expression) && code.isOwn(n) && isAlone;
}

/** A local that counts with a sign. */
function isSigned(code: FunctionCode, name: string): boolean {
  const local = code.locals.get(name);
  return local !== undefined && local.stars === 0 && /^(int|long|ssize_t|long int|s32|s64)$/.test(local.base);
}

const RELEASE = /^(put_page|unpin_user_page|put_user_page|set_page_dirty_lock|set_page_dirty)$/;

export const LOOPS: readonly Rewrite[] = [
  {
    kind: 'for as while',
    hook: (code, file) => (n, to) => {
      if (!isFor(code, n) || !file.take(code)) return undefined;
      const start = code.child(n, Field.initializer);
      const condition = code.child(n, Field.condition);
      const update = code.child(n, Field.update);
      const semi = code.is(start, Kind.declaration) ? '' : ';';
      const head = start < 0 ? '' : `${to.write(start)}${semi} `;
      const step = update < 0 ? '' : ` ${to.write(update)};`;
      const test = condition < 0 ? 'true' : to.write(condition);
      return `{ ${head}while (${test}) { ${to.write(code.child(n, Field.body))}${step} } }`;
    },
  },
  {
    kind: 'while as for',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.while_statement) || !code.isOwn(n) || !file.take(code)) return undefined;
      return `for (; ${to.inner(code.child(n, Field.condition))}; ) ${to.write(code.child(n, Field.body))}`;
    },
  },
  {
    kind: 'while as endless with break',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.while_statement) || !code.isOwn(n) || !file.take(code)) return undefined;
      const test = to.inner(code.child(n, Field.condition));
      return `while (1) { if (!(${test})) break; ${to.write(code.child(n, Field.body))} }`;
    },
  },
  {
    kind: 'for as endless with break',
    hook: (code, file) => (n, to) => {
      const condition = code.is(n, Kind.for_statement) ? code.child(n, Field.condition) : -1;
      const start = code.child(n, Field.initializer);
      const update = code.child(n, Field.update);
      if (condition < 0 || update < 0 || !code.isOwn(n) || !file.take(code)) return undefined;
      const semi = code.is(start, Kind.declaration) ? '' : ';';
      return `for (${start < 0 ? '' : to.write(start)}${semi} ; ${to.write(update)}) { if (!(${to.write(condition)})) break; ${to.write(code.child(n, Field.body))} }`;
    },
  },
  {
    kind: 'for as do while',
    hook: (code, file) => (n, to) => {
      const condition = code.is(n, Kind.for_statement) ? code.child(n, Field.condition) : -1;
      const start = code.child(n, Field.initializer);
      const update = code.child(n, Field.update);
      if (condition < 0 || start < 0 || update < 0 || !isFor(code, n) || !file.take(code)) return undefined;
      const semi = code.is(start, Kind.declaration) ? '' : ';';
      const test = to.write(condition);
      return `{ ${to.write(start)}${semi} if (${test}) { do { ${to.write(code.child(n, Field.body))} ${to.write(update)}; } while (${test}); } }`;
    },
  },
  {
    kind: 'while (i--) as for',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.while_statement) || !code.isOwn(n)) return undefined;
      const test = code.text(code.child(n, Field.condition));
      const name = /^\(\s*(?:(\w+)-- *(?:>\s*0)?|--(\w+)\s*>=\s*0)\s*\)$/.exec(test);
      const i = name?.[1] ?? name?.[2];
      if (i === undefined || !isSigned(code, i) || !file.take(code)) return undefined;
      return `for (${i} = ${i} - 1; ${i} >= 0; ${i}--) ${to.write(code.child(n, Field.body))}`;
    },
  },
  {
    kind: 'releases in descending order',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.for_statement) || !code.isOwn(n)) return undefined;
      const body = code.child(n, Field.body);
      const start = /^(\w+) = 0$/.exec(code.text(code.child(n, Field.initializer)));
      const i = start?.[1];
      const update = code.text(code.child(n, Field.update));
      if (i === undefined || !isSigned(code, i) || !(update === `${i}++` || update === `++${i}`))
        return undefined;
      const test = new RegExp(`^${i} < ([\\w>.-]+)$`).exec(code.text(code.child(n, Field.condition)));
      const statements = code.is(body, Kind.compound_statement) ? code.named(body) : [body];
      const isRelease = statements.every((s) => {
        const [e] = code.is(s, Kind.expression_statement) ? code.named(s) : [];
        return e !== undefined && RELEASE.test(code.callee(e) ?? '');
      });
      // Behind the loop the counter differs.
      const isReadLater = new RegExp(`\\b${i}\\b(?! = )`).test(
        code.tree.text.slice(code.tree.end[n], code.end),
      );
      if (test === null || !isRelease || isReadLater || !file.take(code)) return undefined;
      return `for (${i} = ${test[1]} - 1; ${i} >= 0; ${i}--) ${to.write(body)}`;
    },
  },
  {
    kind: 'i++ as i += 1',
    hook: (code, file) => (n, to) => {
      if (!isStep(code, n) || !file.take(code)) return undefined;
      const op = code.text(code.child(n, Field.operator)) === '--' ? '-=' : '+=';
      return `${to.write(code.child(n, Field.argument))} ${op} 1`;
    },
  },
  {
    kind: 'i++ as i = i + 1',
    hook: (code, file) => (n, to) => {
      if (!isStep(code, n) || !file.take(code)) return undefined;
      const op = code.text(code.child(n, Field.operator)) === '--' ? '-' : '+';
      const e = to.write(code.child(n, Field.argument));
      return `${e} = ${e} ${op} 1`;
    },
  },
  {
    kind: 'i++ as ++i',
    hook: (code, file) => (n, to) => {
      if (!isStep(code, n) || !file.take(code)) return undefined;
      const op = code.text(code.child(n, Field.operator));
      const e = to.write(code.child(n, Field.argument));
      return code.tree.start[code.child(n, Field.operator)] === code.tree.start[n]
        ? `${e}${op}`
        : `${op}${e}`;
    },
  },
  {
    kind: 'a += b as a = a + b',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.assignment_expression) || !code.isOwn(n)) return undefined;
      const op = code.text(code.child(n, Field.operator));
      const left = code.child(n, Field.left);
      const isPlain = ![...code.below(left)].some((e) =>
        code.is(e, Kind.call_expression, Kind.update_expression),
      );
      if (!/^[-+]=$/.test(op) || !isPlain || !file.take(code)) return undefined;
      return `${to.write(left)} = ${to.write(left)} ${op[0]} (${to.write(code.child(n, Field.right))})`;
    },
  },
  {
    kind: 'a = a + b as a += b',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.assignment_expression) || !code.isOwn(n)) return undefined;
      const right = code.child(n, Field.right);
      const op = code.text(code.child(right, Field.operator));
      const left = code.text(code.child(n, Field.left));
      const isSum = code.is(right, Kind.binary_expression) && /^[-+]$/.test(op);
      if (!isSum || code.text(code.child(right, Field.left)) !== left || !file.take(code)) return undefined;
      return `${left} ${op}= ${to.write(code.child(right, Field.right))}`;
    },
  },
  onBody('body in do while (0)', (text) => `{\n\tdo ${text.slice(0, -1)}\t} while (0);\n}`),
  onBody('body in a block', (text) => `{\n\t${text.slice(0, -1)}\t}\n}`),
];

function onBody(kind: string, change: (text: string) => string): Rewrite {
  return {
    kind,
    hook: (code: FunctionCode, file: RewrittenFile) => (n, to) => {
      // What falls off the end would, in another than a void function, do so here as well.
      if (n !== code.body || !file.take(code)) return undefined;
      return change(to.copy(n));
    },
  };
}
