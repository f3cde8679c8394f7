/** Expressions, assignments and declarations in other forms. */
import { Field, Kind } from '#server/syntax/kinds.ts';
import type { FunctionCode } from './code.ts';
import type { Rewrite } from './rewriter.ts';

/** The expression of a statement, or -1. */
export function expressionOf(code: FunctionCode, n: number): number {
  return code.is(n, Kind.expression_statement) && code.isOwn(n) ? (code.named(n)[0] ?? -1) : -1;
}

/** Whether a node is an assignment with a plain `=`. */
export function isAssignment(code: FunctionCode, n: number): boolean {
  return (
    code.is(n, Kind.assignment_expression) &&
    code.isOwn(n) &&
    code.text(code.child(n, Field.operator)) === '='
  );
}

function isInBlock(code: FunctionCode, n: number): boolean {
  return code.is(code.tree.parent[n]!, Kind.compound_statement);
}

/** Declarators of a declaration. */
function declarators(code: FunctionCode, n: number): number[] {
  return code.children(n).filter((c) => code.tree.field[c] === Field.declarator);
}

function operatorOf(code: FunctionCode, n: number): string {
  return code.text(code.child(n, Field.operator));
}

export const EXPRESSIONS: readonly Rewrite[] = [
  {
    kind: 'x->y as (*x).y',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.field_expression) || !code.isOwn(n) || operatorOf(code, n) !== '->')
        return undefined;
      if (!file.take(code)) return undefined;
      return `(*${to.write(code.child(n, Field.argument))}).${code.text(code.child(n, Field.field))}`;
    },
  },
  {
    kind: 'p[i] as *(p + i)',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.subscript_expression) || !code.isOwn(n) || !file.take(code)) return undefined;
      return `(*(${to.write(code.child(n, Field.argument))} + (${to.write(code.child(n, Field.index))})))`;
    },
  },
  {
    kind: '&p[i] as p + i',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.pointer_expression) || !code.isOwn(n) || operatorOf(code, n) !== '&')
        return undefined;
      const e = code.child(n, Field.argument);
      if (!code.is(e, Kind.subscript_expression) || !code.isOwn(e) || !file.take(code)) return undefined;
      return `(${to.write(code.child(e, Field.argument))} + (${to.write(code.child(e, Field.index))}))`;
    },
  },
  {
    kind: 'parentheses added',
    hook: (code, file) => (n, to) => {
      const isValue =
        code.is(n, Kind.identifier, Kind.field_expression) &&
        code.is(code.tree.parent[n]!, Kind.argument_list, Kind.binary_expression, Kind.return_statement);
      return isValue && code.isOwn(n) && file.take(code) ? `(${to.copy(n)})` : undefined;
    },
  },
  {
    kind: 'min() as ternary',
    hook: (code, file) => (n, to) => {
      const name = code.callee(n);
      if (name === undefined || !/^(min|max)(_t)?$/.test(name) || !code.isWhole(n)) return undefined;
      const [a, b] = code.args(n).slice(-2);
      const calls = [a, b].some((e) => e === undefined || !code.calls(e, /./).next().done);
      if (calls || !file.take(code)) return undefined;
      const [x, y] = [to.write(a!), to.write(b!)];
      return `((${x}) ${name.startsWith('min') ? '<' : '>'} (${y}) ? (${x}) : (${y}))`;
    },
  },
  {
    kind: 'initializer as assignment',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.declaration) || !code.isWhole(n) || !isInBlock(code, n)) return undefined;
      const each = declarators(code, n);
      const set = each.filter((d) => code.is(d, Kind.init_declarator));
      const names = set.map((d) => code.locals.get(nameOf(code, d)));
      const isPlain = names.every((local) => local?.isPlain && !local.isArray);
      const isList = set.some((d) => code.is(code.child(d, Field.value), Kind.initializer_list));
      if (set.length === 0 || !isPlain || isList || !file.take(code)) return undefined;
      const heads = each.map((d) =>
        code.text(code.is(d, Kind.init_declarator) ? code.child(d, Field.declarator) : d),
      );
      const sets = set.map((d) => `${nameOf(code, d)} = ${to.write(code.child(d, Field.value))};`);
      return `${code.text(code.child(n, Field.type))} ${heads.join(', ')}; ${sets.join(' ')}`;
    },
  },
  {
    kind: 'first assignment as initializer',
    hook: (code, file) => {
      // Declarations without an initializer, by the first statement behind them that assigns.
      const heads = new Map<number, string>();
      const gone = new Set<number>();
      for (const block of code.below(code.body)) {
        if (!code.is(block, Kind.compound_statement)) continue;
        const statements = code.named(block);
        for (const [i, d] of statements.entries()) {
          const name = soleName(code, d);
          if (name === undefined) continue;
          const use = new RegExp(`\\b${name}\\b`);
          const first = statements.slice(i + 1).find((s) => use.test(code.text(s)));
          if (first !== undefined && !code.isAdjacent(d, first)) continue;
          const e = first === undefined ? -1 : expressionOf(code, first);
          if (!isAssignment(code, e) || code.text(code.child(e, Field.left)) !== name) continue;
          if (use.test(code.text(code.child(e, Field.right)))) continue;
          // A jump back would leave the old value, and a label before it cannot stand before a declaration.
          if (
            code.text(code.body).includes(':') &&
            /^\s*\w+\s*:/m.test(code.text(block)) &&
            block !== code.body
          )
            continue;
          const local = code.locals.get(name)!;
          heads.set(first!, `${local.base} ${'*'.repeat(local.stars)}`);
          gone.add(d);
        }
      }
      if (heads.size === 0 || !file.take(code)) return undefined;
      return (n, to) => {
        if (gone.has(n)) return '';
        const head = heads.get(n);
        return head === undefined ? undefined : head + to.copy(n);
      };
    },
  },
  {
    kind: 'assignment in the condition',
    hook: (code, file) => {
      const joined = new Map<number, number>();
      for (const block of code.below(code.body)) {
        if (!code.is(block, Kind.compound_statement)) continue;
        const statements = code.named(block);
        for (const [i, s] of statements.entries()) {
          const next = statements[i + 1];
          const e = expressionOf(code, s);
          if (
            next === undefined ||
            !code.isAdjacent(s, next) ||
            !isAssignment(code, e) ||
            !code.is(next, Kind.if_statement)
          )
            continue;
          const left = code.text(code.child(e, Field.left));
          const condition = code.named(code.child(next, Field.condition))[0] ?? -1;
          const first = leftmost(code, condition);
          if (!/^\w+$/.test(left) || code.text(first) !== left || !code.isWhole(condition)) continue;
          joined.set(first, e);
          joined.set(s, -1);
        }
      }
      if (joined.size === 0 || !file.take(code)) return undefined;
      return (n, to) => {
        const e = joined.get(n);
        if (e === undefined) return undefined;
        return e < 0 ? '' : `(${to.write(e)})`;
      };
    },
  },
  {
    kind: 'assignment before the condition',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.if_statement) || !isInBlock(code, n)) return undefined;
      const condition = code.named(code.child(n, Field.condition))[0] ?? -1;
      const first = leftmost(code, condition);
      const inner = code.is(first, Kind.parenthesized_expression) ? (code.named(first)[0] ?? -1) : -1;
      if (!isAssignment(code, inner) || !code.isWhole(condition) || !file.take(code)) return undefined;
      const text = to.copy(n);
      const written = to.write(first);
      return `${to.write(inner)}; ${text.replace(written, () => to.write(code.child(inner, Field.left)))}`;
    },
  },
  {
    kind: 'goto out as return',
    hook: (code, file) => {
      const returns = new Map<string, string>();
      for (const n of code.below(code.body)) {
        if (!code.is(n, Kind.labeled_statement)) continue;
        const [label, statement] = code.named(n);
        if (statement !== undefined && code.is(statement, Kind.return_statement))
          returns.set(code.text(label!), code.text(statement));
      }
      if (returns.size === 0) return undefined;
      return (n) => {
        if (!code.is(n, Kind.goto_statement)) return undefined;
        const statement = returns.get(code.text(code.child(n, Field.label)));
        return statement !== undefined && file.take(code) ? statement : undefined;
      };
    },
  },
  {
    kind: 'return as goto out',
    hook: (code, file) => {
      const type = resultType(code);
      const returns = [...code.below(code.body)].filter((n) => code.is(n, Kind.return_statement));
      if (type === undefined || returns.length < 2 || !code.isWhole(code.body)) return undefined;
      if (!file.take(code)) return undefined;
      const [value, label] = [file.fresh('result'), file.fresh('leave')];
      return (n, to) => {
        if (code.is(n, Kind.return_statement)) {
          const [e] = code.named(n);
          return e === undefined ? `goto ${label};` : `{ ${value} = ${to.write(e)}; goto ${label}; }`;
        }
        if (n !== code.body) return undefined;
        const text = to.copy(n);
        if (type === 'void') return `${text.slice(0, -1)}${label}:\n\treturn;\n}`;
        return `{ ${type} ${value};\n${text.slice(1, -1)}${label}:\n\treturn ${value};\n}`;
      };
    },
  },
  {
    kind: 'result in a local before return',
    hook: (code, file) => {
      const type = resultType(code);
      if (type === undefined || type === 'void') return undefined;
      return (n, to) => {
        const [e] = code.is(n, Kind.return_statement) && code.isOwn(n) ? code.named(n) : [];
        if (e === undefined || !file.take(code)) return undefined;
        const value = file.fresh('result');
        return `{ ${type} ${value} = ${to.write(e)}; return ${value}; }`;
      };
    },
  },
  {
    kind: 'statements between',
    hook: (code, file) => (n, to) =>
      isInBlock(code, n) && expressionOf(code, n) >= 0 && file.take(code)
        ? `pr_debug("here\\n"); ${to.copy(n)} pr_debug("there\\n");`
        : undefined,
  },
  {
    kind: 'error number as a number',
    hook: (code, file) => (n) => {
      const value = { EFAULT: 14, EINVAL: 22, ENOMEM: 12, EIO: 5 }[code.text(n)];
      return code.is(n, Kind.identifier) && value !== undefined && file.take(code) ? `${value}` : undefined;
    },
  },
  {
    kind: 'other order of flags',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.binary_expression) || !code.isOwn(n) || operatorOf(code, n) !== '|')
        return undefined;
      if (!/\bFOLL_/.test(code.text(n)) || !file.take(code)) return undefined;
      return `${to.write(code.child(n, Field.right))} | (${to.write(code.child(n, Field.left))})`;
    },
  },
];

function nameOf(code: FunctionCode, declarator: number): string {
  const at = code.child(declarator, Field.declarator);
  return at < 0 ? code.text(declarator) : nameOf(code, at);
}

/** The one plain local that a statement declares without a value. */
function soleName(code: FunctionCode, n: number): string | undefined {
  if (!code.is(n, Kind.declaration) || !code.isWhole(n)) return undefined;
  const [only, ...more] = declarators(code, n);
  if (only === undefined || more.length > 0 || code.is(only, Kind.init_declarator)) return undefined;
  const name = nameOf(code, only);
  const local = code.locals.get(name);
  return local?.isPlain && !local.isArray ? name : undefined;
}

/** What a condition looks at first, through `!`, `<` and the like. */
function leftmost(code: FunctionCode, n: number): number {
  if (code.is(n, Kind.unary_expression)) return leftmost(code, code.child(n, Field.argument));
  if (code.is(n, Kind.binary_expression)) return leftmost(code, code.child(n, Field.left));
  return n;
}

/** The type that a function returns; undefined where it is not told by a simple declaration. */
function resultType(code: FunctionCode): string | undefined {
  const type = code.text(code.child(code.definition, Field.type));
  let at = code.child(code.definition, Field.declarator);
  let stars = '';
  for (; code.is(at, Kind.pointer_declarator); at = code.child(at, Field.declarator)) stars += '*';
  return code.is(at, Kind.function_declarator) && /^(struct \w+|\w+|unsigned \w+)$/.test(type)
    ? `${type}${stars && ' '}${stars}`
    : undefined;
}
