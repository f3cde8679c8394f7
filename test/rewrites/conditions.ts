/** Conditions and branches in other words. */
import { Field, Kind } from '#server/syntax/kinds.ts';
import type { FunctionCode } from './code.ts';
import type { Rewrite, Writer } from './rewriter.ts';

const MIRRORED: Readonly<Record<string, string>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
};
const NEGATED: Readonly<Record<string, string>> = {
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '==': '!=',
  '!=': '==',
};

function operator(code: FunctionCode, n: number): string {
  return code.text(code.child(n, Field.operator));
}

/** The expression in the parentheses of an if, or -1. */
function conditionOf(code: FunctionCode, statement: number): number {
  const condition = code.child(statement, Field.condition);
  return code.is(condition, Kind.parenthesized_expression) ? (code.named(condition)[0] ?? -1) : -1;
}

/** The statement behind `else`, or -1. */
function elseOf(code: FunctionCode, statement: number): number {
  const alternative = code.child(statement, Field.alternative);
  return alternative < 0 ? -1 : (code.named(alternative)[0] ?? -1);
}

function isIf(code: FunctionCode, n: number): boolean {
  return (
    code.is(n, Kind.if_statement) &&
    code.isOwn(n) &&
    conditionOf(code, n) >= 0 &&
    code.isWhole(code.child(n, Field.condition))
  );
}

/** Operands that may be looked at in any order: no calls, no changes. */
function isPure(code: FunctionCode, n: number): boolean {
  return ![...code.below(n)].some((each) =>
    code.is(each, Kind.call_expression, Kind.assignment_expression, Kind.update_expression),
  );
}

const isZero = (text: string): boolean => text === '0' || text === 'NULL';

function isPointer(code: FunctionCode, n: number): boolean {
  const local = code.locals.get(code.text(n));
  return code.is(n, Kind.identifier) && local !== undefined && (local.stars > 0 || local.isArray);
}

/** Applies `change` to the conditions of if statements. */
function onConditions(
  kind: string,
  change: (code: FunctionCode, condition: number, to: Writer) => string | undefined,
): Rewrite {
  return {
    kind,
    hook: (code, file) => (n, to) => {
      const parent = code.tree.parent[n]!;
      if (!code.is(n, Kind.parenthesized_expression) || code.tree.field[n] !== Field.condition)
        return undefined;
      if (!code.is(parent, Kind.if_statement) || !code.isOwn(n) || code.named(n).length !== 1)
        return undefined;
      const changed = change(code, code.named(n)[0]!, to);
      return changed !== undefined && file.take(code) ? `(${changed})` : undefined;
    },
  };
}

export const CONDITIONS: readonly Rewrite[] = [
  {
    kind: 'branches swapped',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n)) return undefined;
      const otherwise = elseOf(code, n);
      if (otherwise < 0 || !code.isOwn(code.child(n, Field.alternative)) || !file.take(code))
        return undefined;
      const then = code.child(n, Field.consequence);
      return `if (!(${to.inner(code.child(n, Field.condition))})) ${to.block(otherwise)} else ${to.block(then)}`;
    },
  },
  {
    kind: 'empty then',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || elseOf(code, n) >= 0 || !file.take(code)) return undefined;
      return `if (!(${to.inner(code.child(n, Field.condition))})) { ; } else ${to.block(code.child(n, Field.consequence))}`;
    },
  },
  {
    kind: 'comparison mirrored',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.binary_expression) || !code.isOwn(n)) return undefined;
      const mirrored = MIRRORED[operator(code, n)];
      const [l, r] = [code.child(n, Field.left), code.child(n, Field.right)];
      if (mirrored === undefined || !isPure(code, l) || !isPure(code, r) || !file.take(code))
        return undefined;
      const right = code.is(r, Kind.binary_expression) ? `(${to.write(r)})` : to.write(r);
      const left = code.is(l, Kind.binary_expression) ? `(${to.write(l)})` : to.write(l);
      return `${right} ${mirrored} ${left}`;
    },
  },
  {
    kind: 'comparison negated twice',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.binary_expression) || !code.isOwn(n)) return undefined;
      const negated = NEGATED[operator(code, n)];
      if (negated === undefined || !file.take(code)) return undefined;
      return `!(${to.write(code.child(n, Field.left))} ${negated} ${to.write(code.child(n, Field.right))})`;
    },
  },
  {
    kind: '!p as p == NULL',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.unary_expression) || !code.isOwn(n) || operator(code, n) !== '!') return undefined;
      const e = code.child(n, Field.argument);
      if (code.is(e, Kind.parenthesized_expression, Kind.unary_expression) || !file.take(code))
        return undefined;
      return `(${to.write(e)} == ${isPointer(code, e) ? 'NULL' : '0'})`;
    },
  },
  {
    kind: 'p == NULL as !p',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.binary_expression) || !code.isOwn(n)) return undefined;
      const [l, r] = [code.child(n, Field.left), code.child(n, Field.right)];
      const op = operator(code, n);
      if (!isZero(code.text(r)) || (op !== '==' && op !== '!=') || !file.take(code)) return undefined;
      return op === '==' ? `!(${to.write(l)})` : `!!(${to.write(l)})`;
    },
  },
  onConditions('if (p) as if (p != 0)', (code, e, to) =>
    code.is(e, Kind.identifier, Kind.field_expression)
      ? `${to.write(e)} != ${isPointer(code, e) ? 'NULL' : '0'}`
      : undefined,
  ),
  onConditions('unlikely()', (_code, e, to) => `unlikely(${to.write(e)})`),
  onConditions('likely()', (_code, e, to) => `likely(${to.write(e)})`),
  onConditions('condition == true', (code, e, to) =>
    code.is(e, Kind.binary_expression) && NEGATED[operator(code, e)] !== undefined
      ? `(${to.write(e)}) == true`
      : undefined,
  ),
  {
    kind: 'condition in a local',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || !canHaveBefore(code, n)) return undefined;
      const e = conditionOf(code, n);
      const isComparison = code.is(e, Kind.binary_expression) && NEGATED[operator(code, e)] !== undefined;
      if (!isComparison || !file.take(code)) return undefined;
      const name = file.fresh('cond');
      const rest = code.tree.text.slice(code.tree.end[code.child(n, Field.condition)], code.tree.start[n]);
      return `{ bool ${name} = ${to.write(e)}; if (${name})${rest} ${branches(code, n, to)} }`;
    },
  },
  {
    kind: '&& as nested ifs',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || elseOf(code, n) >= 0) return undefined;
      const e = conditionOf(code, n);
      if (!code.is(e, Kind.binary_expression) || operator(code, e) !== '&&' || !code.isOwn(e))
        return undefined;
      if (!file.take(code)) return undefined;
      const [l, r] = [to.write(code.child(e, Field.left)), to.write(code.child(e, Field.right))];
      return `if (${l}) { if (${r}) ${to.block(code.child(n, Field.consequence))} }`;
    },
  },
  {
    kind: 'nested ifs as &&',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || elseOf(code, n) >= 0) return undefined;
      const then = code.child(n, Field.consequence);
      const inner = code.is(then, Kind.compound_statement) ? code.named(then) : [then];
      const [only] = inner;
      if (inner.length !== 1 || !isIf(code, only!) || elseOf(code, only!) >= 0) return undefined;
      if (!code.isOwn(then) || !file.take(code)) return undefined;
      const conditions = [n, only!].map((each) => `(${to.inner(code.child(each, Field.condition))})`);
      return `if (${conditions.join(' && ')}) ${to.block(code.child(only!, Field.consequence))}`;
    },
  },
  {
    kind: '|| as two ifs',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || elseOf(code, n) >= 0) return undefined;
      const e = conditionOf(code, n);
      const then = code.child(n, Field.consequence);
      if (!code.is(e, Kind.binary_expression) || operator(code, e) !== '||' || !code.isOwn(e))
        return undefined;
      if (code.calls(then, /./).next().done !== true || !file.take(code)) return undefined;
      const [l, r] = [to.write(code.child(e, Field.left)), to.write(code.child(e, Field.right))];
      const block = to.block(then);
      return `if (${l}) ${block} else if (${r}) ${block}`;
    },
  },
  {
    kind: 'else after a jump',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.compound_statement) || !code.isOwn(n)) return undefined;
      const statements = code.named(n);
      const at = statements.findIndex(
        (s, i) =>
          isIf(code, s) &&
          elseOf(code, s) < 0 &&
          code.ends(code.child(s, Field.consequence)) &&
          i < statements.length - 1,
      );
      const rest = statements.slice(at + 1);
      // A label must stay in the same function, but a declaration behind it would leave its scope.
      if (at < 0 || rest.some((s) => code.is(s, Kind.labeled_statement, Kind.declaration))) return undefined;
      if (!file.take(code)) return undefined;
      const head = statements.slice(0, at + 1).map((s) => to.write(s));
      return `{\n\t${head.join('\n\t')} else {\n\t${rest.map((s) => to.write(s)).join('\n\t')}\n\t}\n\t}`;
    },
  },
  {
    kind: 'no else after a jump',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || !code.is(code.tree.parent[n]!, Kind.compound_statement)) return undefined;
      const otherwise = elseOf(code, n);
      const then = code.child(n, Field.consequence);
      if (otherwise < 0 || !code.isOwn(code.child(n, Field.alternative)) || !code.ends(then))
        return undefined;
      if (!file.take(code)) return undefined;
      return `if (${to.inner(code.child(n, Field.condition))}) ${to.block(then)}\n${to.block(otherwise)}`;
    },
  },
  {
    kind: 'switch on a bool',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n) || code.breaks(n)) return undefined;
      const otherwise = elseOf(code, n);
      if (otherwise < 0 || !code.isOwn(code.child(n, Field.alternative)) || !file.take(code))
        return undefined;
      const then = code.child(n, Field.consequence);
      return `switch (!!(${to.inner(code.child(n, Field.condition))})) { case true: ${to.block(then)} break; default: ${to.block(otherwise)} break; }`;
    },
  },
  {
    kind: 'switch as ifs',
    hook: (code, file) => (n, to) => switchAsIfs(code, n, to, () => file.take(code)),
  },
  {
    kind: 'ternary as if',
    hook: (code, file) => (n, to) => {
      if (!code.is(n, Kind.expression_statement, Kind.return_statement) || !code.isOwn(n)) return undefined;
      const [e] = code.named(n);
      if (e === undefined || !code.isOwn(e)) return undefined;
      const isAssignment = code.is(e, Kind.assignment_expression);
      const choice = isAssignment ? code.child(e, Field.right) : e;
      if (!code.is(choice, Kind.conditional_expression) || !code.isOwn(choice)) return undefined;
      const then = code.child(choice, Field.consequence);
      if (then < 0 || !file.take(code)) return undefined;
      const left = isAssignment ? `${to.write(code.child(e, Field.left))} ${operator(code, e)} ` : '';
      const head = code.is(n, Kind.return_statement) ? 'return ' : left;
      const condition = to.inner(code.child(choice, Field.condition));
      return `{ if (${condition}) ${head}${to.write(then)}; else ${head}${to.write(code.child(choice, Field.alternative))}; }`;
    },
  },
  {
    kind: 'if as ternary',
    hook: (code, file) => (n, to) => {
      if (!isIf(code, n)) return undefined;
      const [a, b] = [code.child(n, Field.consequence), elseOf(code, n)].map((s) => soleAssignment(code, s));
      if (
        a === undefined ||
        b === undefined ||
        code.text(code.child(a, Field.left)) !== code.text(code.child(b, Field.left))
      )
        return undefined;
      if (!file.take(code)) return undefined;
      const [x, y] = [a, b].map((e) => to.write(code.child(e, Field.right)));
      return `${to.write(code.child(a, Field.left))} = (${to.inner(code.child(n, Field.condition))}) ? (${x}) : (${y});`;
    },
  },
  {
    kind: 'braces added',
    hook: (code, file) => (n, to) => {
      const parent = code.tree.parent[n]!;
      const isBody = code.tree.field[n] === Field.body || code.tree.field[n] === Field.consequence;
      const isElse = code.is(parent, Kind.else_clause);
      const isIn = code.is(parent, Kind.if_statement, Kind.for_statement, Kind.while_statement);
      if (!(isElse || (isIn && isBody)) || code.is(n, Kind.compound_statement) || !isStatement(code, n))
        return undefined;
      if (!code.isOwn(parent) || !code.isOwn(n) || !file.take(code)) return undefined;
      return `{\n\t${to.copy(n)}\n\t}`;
    },
  },
  {
    kind: 'braces dropped',
    hook: (code, file) => (n, to) => {
      const parent = code.tree.parent[n]!;
      const isBody = code.tree.field[n] === Field.body || code.tree.field[n] === Field.consequence;
      const isIn = code.is(parent, Kind.if_statement, Kind.for_statement, Kind.while_statement);
      if (!code.is(n, Kind.compound_statement) || !isIn || !isBody) return undefined;
      const inner = code.named(n);
      const [only] = inner;
      if (
        inner.length !== 1 ||
        !code.isOwn(n) ||
        !code.is(only!, Kind.expression_statement, Kind.return_statement, Kind.goto_statement)
      )
        return undefined;
      return file.take(code) ? to.write(only!) : undefined;
    },
  },
];

function branches(code: FunctionCode, n: number, to: Writer): string {
  const otherwise = elseOf(code, n);
  const then = to.block(code.child(n, Field.consequence));
  return otherwise < 0 ? then : `${then} else ${to.block(otherwise)}`;
}

/** Whether a block may take the place of a statement without that names or jumps change their meaning. */
function canHaveBefore(code: FunctionCode, n: number): boolean {
  return code.is(code.tree.parent[n]!, Kind.compound_statement);
}

function isStatement(code: FunctionCode, n: number): boolean {
  return code.is(
    n,
    Kind.expression_statement,
    Kind.return_statement,
    Kind.goto_statement,
    Kind.break_statement,
    Kind.continue_statement,
    Kind.for_statement,
    Kind.while_statement,
  );
}

/** The assignment that is all that a statement or block does, or undefined. */
function soleAssignment(code: FunctionCode, statement: number): number | undefined {
  if (statement < 0 || !code.isWhole(statement)) return undefined;
  if (code.is(statement, Kind.compound_statement)) {
    const inner = code.named(statement);
    return inner.length === 1 ? soleAssignment(code, inner[0]!) : undefined;
  }
  const [e] = code.is(statement, Kind.expression_statement) ? code.named(statement) : [];
  return e !== undefined && code.is(e, Kind.assignment_expression) && operator(code, e) === '='
    ? e
    : undefined;
}

function switchAsIfs(code: FunctionCode, n: number, to: Writer, take: () => boolean): string | undefined {
  if (!code.is(n, Kind.switch_statement) || !code.isOwn(n)) return undefined;
  const subject = conditionOf(code, n);
  const body = code.child(n, Field.body);
  if (subject < 0 || !code.is(subject, Kind.identifier, Kind.field_expression) || !code.isOwn(body))
    return undefined;
  const arms: { test: string; statements: number[] }[] = [];
  let tests: string[] = [];
  for (const arm of code.named(body)) {
    if (!code.is(arm, Kind.case_statement) || !code.isOwn(arm)) return undefined;
    const value = code.child(arm, Field.value);
    const statements = code.named(arm).filter((s) => s !== value);
    // GNU ranges, and a default that is not the last.
    if (/\.\.\./.test(code.text(arm)) || tests.includes('')) return undefined;
    tests.push(value < 0 ? '' : `${code.text(subject)} == ${code.text(value)}`);
    if (statements.length === 0) continue;
    const last = statements.at(-1)!;
    const isBreak = code.is(last, Kind.break_statement);
    if (!isBreak && !code.ends(last)) return undefined;
    const kept = isBreak ? statements.slice(0, -1) : statements;
    if (kept.some((s) => code.breaks(s) || code.is(s, Kind.declaration))) return undefined;
    arms.push({ test: tests.includes('') ? '' : tests.join(' || '), statements: kept });
    tests = [];
  }
  const isLast = arms.findIndex(({ test }) => test === '');
  if (tests.length > 0 || arms.length < 2 || (isLast >= 0 && isLast < arms.length - 1) || !take())
    return undefined;
  return arms
    .map(({ test, statements }) => {
      const block = `{\n\t${statements.map((s) => to.write(s)).join('\n\t')}\n\t}`;
      return test === '' ? block : `if (${test}) ${block}`;
    })
    .join(' else ');
}
