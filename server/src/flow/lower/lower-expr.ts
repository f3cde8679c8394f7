/** Expressions of the syntax tree to the compact form of ir.ts. */
import { Field, Kind } from '../../syntax/kinds.ts';
import { isCaseRange } from '../../syntax/rewritten.ts';
import type { SyntaxTree } from '../../syntax/tree.ts';
import { accessOf, assignedBy } from './accessors.ts';
import { truthOf } from './canonical.ts';
import { taken } from './cleanup.ts';
import { constantValue, EFAULT } from './constants.ts';
import { INT, intTypeOf, LONG, UINT, ULONG, usualConversion } from './ctypes.ts';
import { declared } from './declarations.ts';
import type { BinaryOp, Call, Expr, IntType, Opaque, Place, Var } from './ir.ts';
import type { MemberLookup } from './members.ts';
import { childByField, namedChildren, textOf } from './navigate.ts';
import { byName } from './page-bits.ts';
import { structPointedTo } from './structs.ts';
import { walk } from './walk.ts';

/** Names that are visible where an expression stands, and the calls met so far. */
export interface Scope {
  readonly tree: SyntaxTree;
  /** Place of a node in the file. */
  readonly at: (node: number) => Place;
  readonly locals: ReadonlySet<string>;
  readonly arrays: ReadonlySet<string>;
  readonly arrayPointers: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, IntType>;
  readonly structs: ReadonlyMap<string, string>;
  readonly members: MemberLookup | undefined;
  readonly calls: Call[];
  /** Locals that clean up after themselves. */
  readonly cleaned: ReadonlySet<string>;
}

/** Result types of calls that matter: the GUP family (mm/gup.c) and a few conversions. */
const RESULT_TYPES: ReadonlyMap<string, IntType> = new Map([
  ['get_user_pages', LONG],
  ['get_user_pages_remote', LONG],
  ['get_user_pages_unlocked', LONG],
  ['get_user_pages_fast', INT],
  ['get_user_pages_fast_only', INT],
  ['pin_user_pages', LONG],
  ['pin_user_pages_remote', LONG],
  ['pin_user_pages_unlocked', LONG],
  ['pin_user_pages_fast', INT],
  ['pin_user_pages_fast_only', INT],
  ['pin_user_pages_locked', LONG],
  ['get_user_pages_locked', LONG],
  ['get_user_pages_longterm', LONG],
  ['__get_user_pages_fast', INT],
  ['iov_iter_get_pages', LONG],
  ['iov_iter_get_pages2', LONG],
  ['iov_iter_get_pages_alloc', LONG],
  ['iov_iter_get_pages_alloc2', LONG],
  ['iov_iter_extract_pages', LONG],
  ['memfd_pin_folios', LONG],
  ['PTR_ERR', LONG],
]);

function memberType(
  { structs, members }: Scope,
  base: Expr,
  member: string,
): { readonly type: IntType | undefined; readonly array?: true } {
  const struct = members && structOf(structs, members, base);
  if (struct === undefined) return { type: undefined };
  return { type: members!.integer(struct, member), ...(members!.array(struct, member) && { array: true }) };
}

/** Struct that an expression over locals is, or points to. */
function structOf(structs: ReadonlyMap<string, string>, members: MemberLookup, e: Expr): string | undefined {
  if (e.k === 'var') return e.local ? structs.get(e.name) : undefined;
  if (e.k === 'index') return structOf(structs, members, e.base);
  if (e.k === 'deref' || e.k === 'addr') return structOf(structs, members, e.e);
  if (e.k !== 'member') return undefined;
  const owner = structOf(structs, members, e.base);
  return owner === undefined ? undefined : members.struct(owner, e.name);
}

/** Lowers one expression node. Total: what is not modelled becomes `opaque` with its parts. */
export function lowerExpr(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const at = scope.at(node);
  switch (tree.kind[node]) {
    case Kind.parenthesized_expression:
      return lowerParenthesized(scope, node);
    case Kind.identifier:
    case Kind.null:
    case Kind.true:
    case Kind.false:
      return lowerName(scope, textOf(tree, node), at);
    case Kind.number_literal:
      return { k: 'num', n: parseNumber(textOf(tree, node)), type: literalType(textOf(tree, node)), ...at };
    case Kind.char_literal:
      return { k: 'num', n: textOf(tree, node).charCodeAt(1), type: INT, ...at };
    case Kind.string_literal:
    case Kind.concatenated_string:
      return { k: 'str', ...at };
    case Kind.field_expression: {
      const base = lowerField(scope, node, Field.argument);
      const name = childByField(tree, node, Field.field);
      const op = childByField(tree, node, Field.operator);
      const arrow = op >= 0 && tree.kind[op] === Kind['->'];
      const member = name < 0 ? '?' : textOf(tree, name);
      const type = memberType(scope, base, member);
      // `(*x).y` is `x->y`.
      if (!arrow && base.k === 'deref')
        return { k: 'member', base: base.e, name: member, arrow: true, ...type, ...at };
      return { k: 'member', base, name: member, arrow, ...type, ...at };
    }
    case Kind.subscript_expression: {
      const base = lowerField(scope, node, Field.argument);
      return { k: 'index', base, index: lowerField(scope, node, Field.index), ...at };
    }
    case Kind.pointer_expression: {
      const e = lowerField(scope, node, Field.argument);
      const op = childByField(tree, node, Field.operator);
      if (op >= 0 && tree.kind[op] === Kind['&']) return { k: 'addr', e, ...at };
      return e.k === 'binary' && e.op === '+'
        ? { k: 'index', base: e.l, index: e.r, ...at }
        : { k: 'deref', e, ...at };
    }
    case Kind.unary_expression:
      return lowerUnary(scope, node);
    case Kind.binary_expression:
      return lowerBinary(scope, node);
    case Kind.assignment_expression:
      return lowerAssignment(scope, node);
    case Kind.update_expression: {
      const e = lowerField(scope, node, Field.argument);
      const op = childByField(tree, node, Field.operator);
      const delta = op >= 0 && textOf(tree, op) === '--' ? -1 : 1;
      return {
        k: 'step',
        delta,
        prefix: op >= 0 && tree.start[op] === tree.start[node],
        e,
        type: e.type,
        ...at,
      };
    }
    case Kind.conditional_expression: {
      const c = lowerField(scope, node, Field.condition);
      const consequence = childByField(tree, node, Field.consequence);
      const b = lowerField(scope, node, Field.alternative);
      // GNU `c ?: b`
      const a = consequence < 0 ? c : lowerExpr(scope, consequence);
      return {
        k: 'cond',
        c,
        a,
        b,
        type: a.type && b.type ? usualConversion(a.type, b.type) : undefined,
        ...at,
      };
    }
    case Kind.comma_expression:
      return {
        k: 'seq',
        items: [lowerField(scope, node, Field.left), lowerField(scope, node, Field.right)],
        ...at,
      };
    case Kind.cast_expression: {
      const e = lowerField(scope, node, Field.value);
      const type = childByField(tree, node, Field.type);
      const to = type < 0 ? undefined : intTypeOf(textOf(tree, type));
      // `(struct page **)NULL`, `(int)FOLL_WRITE`: a small number is the same in every type.
      if (e.k === 'num' && e.n >= 0 && e.n <= (to === undefined ? 0 : MOST_CAST))
        return { ...e, type: to, ...at };
      const struct = to === undefined && type >= 0 ? structPointedTo(textOf(tree, type)) : undefined;
      return { k: 'cast', e, type: to, ...(struct !== undefined && { struct }), ...at };
    }
    case Kind.call_expression:
      return lowerCall(scope, node);
    case Kind.sizeof_expression:
    case Kind.alignof_expression:
    case Kind.offsetof_expression:
      return { k: 'opaque', parts: [], type: ULONG, ...at };
    default:
      return opaqueOf(scope, node);
  }
}

/** Lowers the child under a field; a missing child (an ERROR node took its place) is unknown. */
export function lowerField(scope: Scope, node: number, field: number): Expr {
  const child = childByField(scope.tree, node, field);
  if (child >= 0) return lowerExpr(scope, child);
  return { k: 'opaque', parts: [], ...scope.at(node) };
}

function lowerParenthesized(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const inner = namedChildren(tree, node);
  if (inner.length === 1 && tree.kind[inner[0]!] !== Kind.compound_statement)
    return lowerExpr(scope, inner[0]!);
  const at = scope.at(node);
  // A statement expression ({ … }), or the arguments of a loop macro: evaluated in order.
  const items = inner.flatMap((n) =>
    tree.kind[n] === Kind.compound_statement ? innerExpressions(scope, n) : [lowerExpr(scope, n)],
  );
  return items.length === 0 ? { k: 'opaque', parts: [], ...at } : { k: 'seq', items, ...at };
}

/**
 * Statements in an expression, `({ … })`, as expressions in order: an `if` is a conditional, a `return` ends the path, other
 * jumps are unknown.
 */
function innerExpressions(scope: Scope, block: number): Expr[] {
  return namedChildren(scope.tree, block).flatMap((statement) => innerStatement(scope, statement));
}

function innerStatement(scope: Scope, statement: number): Expr[] {
  const { tree } = scope;
  switch (tree.kind[statement]) {
    case Kind.expression_statement:
      return namedChildren(tree, statement).map((e) => lowerExpr(scope, e));
    case Kind.declaration:
      return lowerDeclaration(scope, statement);
    case Kind.compound_statement:
      return innerExpressions(scope, statement);
    case Kind.do_statement: {
      const body = childByField(tree, statement, Field.body);
      const c = lowerField(scope, statement, Field.condition);
      // `do { … } while (0)` runs once.
      if (c.k === 'num' && c.n === 0 && body >= 0) return innerStatement(scope, body);
      return [opaqueOf(scope, statement)];
    }
    case Kind.if_statement: {
      const at = scope.at(statement);
      const branch = (node: number): Expr => ({
        k: 'seq',
        items: node < 0 ? [] : innerStatement(scope, node),
        ...at,
      });
      const otherwise = childByField(tree, statement, Field.alternative);
      const c = lowerField(scope, statement, Field.condition);
      const a = branch(childByField(tree, statement, Field.consequence));
      return [
        { k: 'cond', c, a, b: branch(otherwise < 0 ? -1 : (namedChildren(tree, otherwise)[0] ?? -1)), ...at },
      ];
    }
    case Kind.return_statement:
      return [{ ...opaqueOf(scope, statement), returns: true }];
    default:
      return [opaqueOf(scope, statement)];
  }
}

/** A macro that is given code runs it or not: of several such arguments perhaps only one. */
function perhapsRun(arg: Expr): Expr {
  let returns = false;
  if (arg.k === 'seq') walk(arg, (e) => (returns ||= e.k === 'opaque' && e.returns === true));
  if (!returns) return arg;
  const { start, end } = arg;
  const unknown: Expr = { k: 'opaque', parts: [], start, end };
  return { k: 'cond', c: unknown, a: arg, b: unknown, start, end };
}

function opaqueOf(scope: Scope, node: number): Opaque {
  const parts = namedChildren(scope.tree, node).map((c) => lowerExpr(scope, c));
  return { k: 'opaque', parts, ...scope.at(node) };
}

/** A declaration of locals: of each its declaration, then its initializer. */
export function lowerDeclaration(scope: Scope, declaration: number): Expr[] {
  const { tree } = scope;
  const out: Expr[] = [];
  for (let c = tree.firstChild[declaration]!; c >= 0; c = tree.nextSibling[c]!) {
    if (tree.field[c] !== Field.declarator) continue;
    const { name, array } = declared(tree, c);
    if (name === undefined) continue;
    const at = scope.at(c);
    const value = tree.kind[c] === Kind.init_declarator ? childByField(tree, c, Field.value) : -1;
    const zeroed = array && value >= 0 && /^\{[\s0,]*(NULL)?[\s0,]*\}$/.test(textOf(tree, value));
    const members = array || value < 0 ? undefined : initialMembers(scope, name, value, at);
    out.push({ k: 'declare', name, array, zeroed, ...(members !== undefined && { blank: true }), ...at });
    if (members !== undefined) out.push(...members);
    if (value < 0 || members !== undefined) continue;
    const type = scope.types.get(name);
    const l: Expr = { k: 'var', name, local: true, type, ...at };
    const r = assigned(scope, l, lowerExpr(scope, value));
    out.push(array ? r : { k: 'assign', op: '=', l, r, type, ...at });
  }
  return out;
}

/** What `{ .a = x, .b = y }` puts into members of a local structure; undefined where it says more, or nothing, by name. */
function initialMembers(scope: Scope, name: string, list: number, at: Place): Expr[] | undefined {
  const { tree } = scope;
  if (tree.kind[list] !== Kind.initializer_list) return undefined;
  const given = new Map<string, number>();
  for (const item of namedChildren(tree, list)) {
    const [designator, ...nested] = namedChildren(tree, item).filter(
      (c) => tree.field[c] === Field.designator,
    );
    const value = childByField(tree, item, Field.value);
    const member = designator === undefined ? undefined : /^\.\s*(\w+)$/.exec(textOf(tree, designator))?.[1];
    if (
      tree.kind[item] === Kind.initializer_pair &&
      member !== undefined &&
      nested.length === 0 &&
      value >= 0
    )
      given.set(member, value);
    else if (!/^(?:0|NULL|\{\s*0?\s*\})$/.test(textOf(tree, item))) return undefined;
  }
  // Of a large structure that starts as zero, what its counters are does not matter to its pages.
  if (given.size === 0) return undefined;
  return [...given].map(([member, value]) => {
    const r = lowerExpr(scope, value);
    const base: Expr = { k: 'var', name, local: true, ...at };
    const type = memberType(scope, base, member);
    const l: Expr = { k: 'member', base, name: member, arrow: false, ...type, ...at };
    return { k: 'assign', op: '=', l, r, ...at };
  });
}

function lowerName(scope: Scope, name: string, at: Place): Expr {
  if (scope.locals.has(name)) {
    const v: Var = { k: 'var', name, local: true, type: scope.types.get(name), ...at };
    return scope.arrays.has(name) ? { ...v, array: true } : v;
  }
  const n = constantValue(name);
  if (n !== undefined) {
    const type = name === 'PAGE_SIZE' ? ULONG : name.startsWith('FOLL_') ? UINT : INT;
    return { k: 'num', n, name, type: name === 'NULL' ? undefined : type, ...at };
  }
  return { k: 'var', name, local: false, ...at };
}

function lowerUnary(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const at = scope.at(node);
  const e = lowerField(scope, node, Field.argument);
  const op = childByField(tree, node, Field.operator);
  const text = op < 0 ? '!' : textOf(tree, op);
  if (text === '-' && e.k === 'num') return { ...e, n: -e.n, ...at };
  // A driver's own error codes: -NE_ERR_MEM_NOT_HUGE_PAGE.
  if (text === '-' && e.k === 'var' && /^[A-Z0-9_]*ERR[A-Z0-9_]*$/.test(e.name))
    return { k: 'num', n: -EFAULT, type: INT, ...at };
  if (text === '-' || text === '~' || text === '+') return { k: 'unary', op: text, e, type: e.type, ...at };
  return { k: 'unary', op: '!', e, type: INT, ...at };
}

function lowerBinary(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const at = scope.at(node);
  const l = lowerField(scope, node, Field.left);
  const r = lowerField(scope, node, Field.right);
  const op = childByField(tree, node, Field.operator);
  const text = op < 0 ? '?' : textOf(tree, op);
  if (op >= 0 && isCaseRange(tree, op)) return { k: 'opaque', parts: [], ...at };
  if (text === '&&' || text === '||') return { k: 'logic', op: text, l, r, type: INT, ...at };
  if (!isBinaryOp(text)) return { k: 'opaque', parts: [l, r], ...at };
  const mirrored = MIRRORED[text];
  // `0 > ret` is `ret < 0`.
  if (mirrored !== undefined && l.k === 'num' && r.k !== 'num')
    return { k: 'binary', op: mirrored, l: r, r: l, type: INT, ...at };
  const comparison = mirrored !== undefined;
  const truth = truthOf(text, l, r);
  if (truth !== undefined) return truth ? l : { k: 'unary', op: '!', e: l, type: INT, ...at };
  const type = comparison ? INT : l.type && r.type ? usualConversion(l.type, r.type) : undefined;
  return { k: 'binary', op: text, l, r, type, ...at };
}

/** Fits into every integer type but a byte. */
const MOST_CAST = 0x7fff;

/** Comparisons, with their sides changed. */
const MIRRORED: Readonly<Record<string, BinaryOp>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** What is assigned: where a pointer to pointers becomes `object->array + i`, it is `&object->array[i]`. */
function assigned({ arrayPointers }: Scope, l: Expr, r: Expr): Expr {
  const isPointer = l.k === 'var' && l.local && arrayPointers.has(l.name);
  if (!isPointer || r.k !== 'binary' || r.op !== '+' || r.l.k !== 'member' || r.r.k === 'num') return r;
  const { l: base, r: index, start, end, written } = r;
  const at: Place = { start, end, ...(written !== undefined && { written }) };
  return base.type !== undefined ? r : { k: 'addr', e: { k: 'index', base, index, ...at }, ...at };
}

function lowerAssignment(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const at = scope.at(node);
  const l = lowerField(scope, node, Field.left);
  const r = assigned(scope, l, lowerField(scope, node, Field.right));
  const op = childByField(tree, node, Field.operator);
  const text = op < 0 ? '=' : textOf(tree, op);
  const binary = text.slice(0, -1);
  return { k: 'assign', op: isBinaryOp(binary) ? binary : '=', l, r, type: l.type, ...at };
}

function lowerCall(scope: Scope, node: number): Expr {
  const { tree } = scope;
  const at = scope.at(node);
  const callee = childByField(tree, node, Field.function);
  const list = childByField(tree, node, Field.arguments);
  const given = list < 0 ? [] : namedChildren(tree, list).map((a) => perhapsRun(lowerExpr(scope, a)));
  const plain =
    callee >= 0 && tree.kind[callee] === Kind.identifier && !scope.locals.has(textOf(tree, callee));
  const { fn, args } = byName(plain ? textOf(tree, callee) : undefined, given);
  // Branch hints are transparent, so that what a test implies is seen through them.
  if ((fn === 'likely' || fn === 'unlikely') && args.length === 1) return args[0]!;
  const access = accessOf(fn, args, at) ?? taken(fn, args, scope.cleaned, at);
  if (access !== undefined) return access;
  const call: Call = {
    k: 'call',
    fn,
    callee: plain || callee < 0 ? undefined : lowerExpr(scope, callee),
    args,
    site: scope.calls.length,
    type: fn === undefined ? undefined : RESULT_TYPES.get(fn),
    ...at,
  };
  scope.calls.push(call);
  const assigned = assignedBy(fn, args, at);
  return assigned === undefined ? call : { k: 'seq', items: [assigned, call], type: call.type, ...at };
}

const BINARY_OPS: ReadonlySet<string> = new Set([
  ...['+', '-', '*', '/', '%', '<<', '>>', '&', '|', '^', '==', '!=', '<', '<=', '>', '>='],
]);

function isBinaryOp(text: string): text is BinaryOp {
  return BINARY_OPS.has(text);
}

function parseNumber(text: string): number {
  const digits = text.replace(/[uUlL]+$/, '');
  const n = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return Number.isNaN(n) ? 0 : n;
}

function literalType(text: string): IntType {
  const suffix = /[uUlL]*$/.exec(text)?.[0].toLowerCase() ?? '';
  if (suffix.includes('l')) return suffix.includes('u') ? ULONG : LONG;
  return suffix.includes('u') ? UINT : INT;
}
