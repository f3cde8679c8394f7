/**
 * Compact form of C that the interpreter runs: expressions as small trees, statements as a control flow graph.
 * Lowered once from the flat syntax tree, so that no step of the interpreter reads tree text.
 */
import type { Range } from '../../syntax/range.ts';

/** What C's conversions need to know of an integer type. Absent where the type is not known: then signed 64 bit. */
export interface IntType {
  readonly signed: boolean;
  readonly bits: 8 | 16 | 32 | 64;
}

/** Where something stands in the file. */
export interface Place extends Range {
  /** What it is, where a macro made it: the range is then that of the macro's use. */
  readonly written?: string;
}

interface At extends Place {
  /** Integer type of the value, where it is known. */
  readonly type?: IntType | undefined;
}

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '<<'
  | '>>'
  | '&'
  | '|'
  | '^'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>=';

export interface Num extends At {
  readonly k: 'num';
  readonly n: number;
  /** As written, where it is a named constant: `FOLL_WRITE`, `EFAULT`, `NULL`, `true`. */
  readonly name?: string;
}
export interface Str extends At {
  readonly k: 'str';
}
/** A variable or a function name; `local` tells a local or parameter from a global. */
export interface Var extends At {
  readonly k: 'var';
  readonly name: string;
  readonly local: boolean;
  /** An array object: its value is its address. */
  readonly array?: boolean;
}
export interface Member extends At {
  readonly k: 'member';
  readonly base: Expr;
  readonly name: string;
  readonly arrow: boolean;
  /** Declared as an array: its value is its address. */
  readonly array?: boolean;
  /** What it points to, where a name for its value has said so: `void *` members have no struct of their own. */
  readonly struct?: string;
}
export interface Index extends At {
  readonly k: 'index';
  readonly base: Expr;
  readonly index: Expr;
}
export interface Deref extends At {
  readonly k: 'deref';
  readonly e: Expr;
}
export interface AddrOf extends At {
  readonly k: 'addr';
  readonly e: Expr;
}
export interface Unary extends At {
  readonly k: 'unary';
  readonly op: '-' | '~' | '!' | '+';
  readonly e: Expr;
}
export interface Binary extends At {
  readonly k: 'binary';
  readonly op: BinaryOp;
  readonly l: Expr;
  readonly r: Expr;
}
/** `&&` and `||` outside a condition (inside one they become branches). */
export interface Logic extends At {
  readonly k: 'logic';
  readonly op: '&&' | '||';
  readonly l: Expr;
  readonly r: Expr;
}
export interface Assign extends At {
  readonly k: 'assign';
  readonly op: BinaryOp | '=';
  readonly l: Expr;
  readonly r: Expr;
}
export interface Step extends At {
  readonly k: 'step';
  readonly delta: 1 | -1;
  readonly prefix: boolean;
  readonly e: Expr;
}
export interface Cond extends At {
  readonly k: 'cond';
  readonly c: Expr;
  readonly a: Expr;
  readonly b: Expr;
}
export interface Call extends At {
  readonly k: 'call';
  /** Name of the function, or undefined for a call through a pointer. */
  readonly fn: string | undefined;
  readonly callee: Expr | undefined;
  readonly args: readonly Expr[];
  /** Number of this call in its function: identity of an allocation, an acquire, an unknown result. */
  readonly site: number;
}
export interface Cast extends At {
  readonly k: 'cast';
  readonly e: Expr;
  /** The struct to whose pointer it is cast. */
  readonly struct?: string;
}
/** Several expressions evaluated in order; the value is the last one's. */
export interface Seq extends At {
  readonly k: 'seq';
  readonly items: readonly Expr[];
}
/** A local's declaration: gets a fresh unknown value (or an array object) when control passes. */
export interface Declare extends At {
  readonly k: 'declare';
  readonly name: string;
  readonly array: boolean;
  /** An array with an initializer that is all zero: `{}`, `{ NULL }`. */
  readonly zeroed?: boolean;
  /** A structure with an initializer: members that it does not name are zero. */
  readonly blank?: boolean;
}
/** Something that is not modelled; its parts are still evaluated for their effects. */
export interface Opaque extends At {
  readonly k: 'opaque';
  readonly parts: readonly Expr[];
  /** A `return` in a statement expression, `({ … return r; … })`: the value of the last part, if there is one. */
  readonly returns?: true;
}

export type Expr =
  | Num
  | Str
  | Var
  | Member
  | Index
  | Deref
  | AddrOf
  | Unary
  | Binary
  | Logic
  | Assign
  | Step
  | Cond
  | Call
  | Cast
  | Seq
  | Declare
  | Opaque;

/**
 * A node of the control flow graph.
 * `branch`: succ[0] when the condition holds, succ[1] when not. `switch`: one successor per case, in the order of
 * `cases`, the last one being the default. Others have one successor; `return` and `stop` have none.
 */
export interface Node {
  readonly id: number;
  readonly kind: 'entry' | 'expr' | 'branch' | 'switch' | 'return' | 'stop' | 'join';
  expr: Expr | undefined;
  succ: number[];
  /** Values of the cases of a switch, in the order of `succ`; the default has none. */
  cases?: Expr[];
  /** Of a condition of a loop, where comparisons bound an unknown count: the successor by which the loop is left, or another node. */
  loop?: number;
  /** The test of an iterator macro before its first round; the parts of its condition are what the macro is given. */
  firstRound?: boolean;
  /** Number of predecessors; states are merged where it exceeds one. */
  preds: number;
  readonly range: Range;
}

/** A parameter of a function. */
export interface Param {
  readonly name: string;
  readonly type: IntType | undefined;
  /** Declared `**`: an array of pointers, taken to be there. */
  readonly array: boolean;
}

/** One lowered function. */
export interface FunctionIr {
  readonly name: string;
  readonly isStatic: boolean;
  readonly range: Range;
  readonly params: readonly Param[];
  /** Structs that parameters and locals are, or point to. */
  readonly structs: ReadonlyMap<string, string>;
  readonly nodes: readonly Node[];
  /** All calls, in source order of lowering; index is `Call.site`. */
  readonly calls: readonly Call[];
  /** Normalised texts of its conditions, each as often as it is written. */
  readonly conditions: readonly string[];
  /** Locals that clean up after themselves, and what stands for values that are kept meanwhile. */
  readonly cleaned: readonly string[];
  /** A header defines it: all its places are the call that it was lowered for. */
  readonly inlined?: boolean;
  /** The syntax tree has an error inside this function: what it touches is unknown. */
  readonly partlyRead: boolean;
}

/** Lines by the expressions that they show: a run says of the same expression at every step. */
const lines = new WeakMap<Range, string>();

/** Source text of an expression as one line, shortened. */
export function oneLine(text: string, range: Range): string {
  let line = lines.get(range);
  if (line === undefined) {
    line = shortened(text, range);
    lines.set(range, line);
  }
  return line;
}

const MAX_LINE = 120;

function shortened(text: string, range: Range): string {
  const max = MAX_LINE;
  const flat = text.slice(range.start, range.end).replace(/\s+/g, ' ').trim();
  return flat.length <= max ? flat : `${flat.slice(0, max - 1)}…`;
}
