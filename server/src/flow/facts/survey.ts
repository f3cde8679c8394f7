/**
 * What a function's text says by itself, on whatever path: which of the functions around page pinning it calls, what it
 * does with their results, and which FOLL_* flags it names.
 */
import type { KernelVersion } from '../../syntax/preprocess/version.ts';
import { ACQUIRES } from '../kernel/acquire.ts';
import { FUNCTION_LIVES } from '../kernel/history.ts';
import { presenceOf } from '../kernel/presence.ts';
import type { Call, Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import { formOf } from './form.ts';
import type { ResultUse, TextObservation } from './observation.ts';

/** Reads of a reference count. */
export const REFCOUNT_READS: ReadonlySet<string> = new Set([
  'page_count',
  'page_ref_count',
  'folio_ref_count',
]);

/** Lock functions that were called on mm->mmap_sem before mmap_read_lock() came. */
const SEMAPHORE = /^(down|up)_(read|write)(_killable|_trylock)?$|^down_(read|write)_trylock$/;

/**
 * Whether a function that does not acquire pages itself is worth a survey for its call of `callee`: most of the
 * functions that call something around page pinning say nothing that is not known without parsing them. `code` is the
 * function with its name.
 */
export function isSurveyed(callee: string, code: string, kernel: KernelVersion): boolean {
  if (ACQUIRES.has(callee)) return true;
  if (REFCOUNT_READS.has(callee)) return /GUP_PIN_COUNTING_BIAS|^[^{]*pinned/.test(code);
  if (SEMAPHORE.test(callee)) return code.includes('mmap_sem');
  const life = FUNCTION_LIVES.get(callee);
  return life !== undefined && (life.forms !== undefined || presenceOf(life, kernel) !== 'present');
}

/** Functions whose calls are told of, wherever they stand: of locks, where mmap_sem is not another name of mmap_lock. */
function isOfInterest(name: string, defines: (name: string) => boolean): boolean {
  return FUNCTION_LIVES.has(name) || ACQUIRES.has(name) || (SEMAPHORE.test(name) && !defines('mmap_sem'));
}

/** `defines`: a name that the file defines itself, as a function or a macro, is not the kernel's. */
export function survey(ir: FunctionIr, defines: (name: string) => boolean): TextObservation[] {
  const seen: TextObservation[] = [];
  const within = ir.name;
  for (const node of ir.nodes) {
    const { expr } = node;
    if (expr === undefined) continue;
    walk(expr, (e) => {
      if (e.k === 'call' && e.fn !== undefined && !defines(e.fn) && isOfInterest(e.fn, defines)) {
        const { partlyRead } = ir;
        seen.push({ what: 'call', call: e, use: useOf(ir, e), preset: isPreset(ir, e), partlyRead, within });
      }
      const name = e.k === 'num' ? e.name : e.k === 'var' && !e.local ? e.name : undefined;
      if (name?.startsWith('FOLL_') && !defines(name))
        seen.push({ what: 'flag', name, range: { start: e.start, end: e.end }, within });
      if (e.k === 'binary') {
        const call = refcountRead(e.l, defines) ?? refcountRead(e.r, defines);
        if (call !== undefined)
          seen.push({ what: 'refcount', call, operation: e, asserted: isAsserted(expr, e), within });
      }
    });
  }
  return seen;
}

/** Stands inside WARN_ON() or a relative: it states what holds, and decides nothing. */
function isAsserted(whole: Expr, part: Expr): boolean {
  let found = false;
  walk(whole, (e) => {
    if (e.k === 'call' && e.fn !== undefined && /^(VM_)?(WARN|BUG)/.test(e.fn))
      found ||= e.start <= part.start && part.end <= e.end;
  });
  return found;
}

function refcountRead(e: Expr, defines: (name: string) => boolean): Call | undefined {
  if (e.k === 'cast') return refcountRead(e.e, defines);
  return e.k === 'call' && e.fn !== undefined && REFCOUNT_READS.has(e.fn) && !defines(e.fn) ? e : undefined;
}

/** What becomes of a call's result in the function. */
function useOf(ir: FunctionIr, call: Call): ResultUse {
  for (const node of ir.nodes) {
    const { expr } = node;
    if (expr === undefined) continue;
    if (node.kind === 'expr' && withoutCasts(expr) === call) return 'discarded';
    if (node.kind !== 'expr' || expr.k !== 'assign' || withoutCasts(expr.r) !== call) continue;
    if (expr.op !== '=' || expr.l.k !== 'var' || !expr.l.local) return 'used';
    return useOfVariable(ir, expr.l.name);
  }
  return 'used';
}

/**
 * Whether the one page that a call gets goes into a variable that is NULL before, and that is tested or returned later:
 * then NULL tells of a failure as well as the result does.
 */
function isPreset(ir: FunctionIr, call: Call): boolean {
  const model = call.fn === undefined ? undefined : ACQUIRES.get(call.fn);
  const form = model === undefined ? undefined : formOf(model, call.args);
  const array = form === undefined ? undefined : call.args[form.pages];
  const to = array && withoutCasts(array);
  const nr = form?.nr === undefined ? undefined : call.args[form.nr];
  if (nr?.k !== 'num' || nr.n !== 1 || to?.k !== 'addr' || to.e.k !== 'var' || !to.e.local) return false;
  const { name } = to.e;
  const isPage = (e: Expr): boolean => e.k === 'var' && e.local && e.name === name;
  let emptied = false;
  let asked = false;
  for (const { kind, expr } of ir.nodes) {
    if (expr === undefined) continue;
    if (expr.end <= call.start) emptied ||= expr.k === 'assign' && isPage(expr.l) && isZero(expr.r);
    else if (kind === 'branch') asked ||= asksFor(expr, isPage);
    else if (kind === 'return') asked ||= isPage(expr);
  }
  return emptied && asked;
}

/** Whether a condition is, or asks among other things, whether a pointer is NULL. */
function asksFor(e: Expr, isPointer: (e: Expr) => boolean): boolean {
  if (e.k === 'logic') return asksFor(e.l, isPointer) || asksFor(e.r, isPointer);
  if (e.k === 'unary') return asksFor(e.e, isPointer);
  if (e.k === 'binary') return isZero(e.r) && isPointer(e.l);
  return isPointer(e);
}

function withoutCasts(e: Expr): Expr {
  return e.k === 'cast' ? withoutCasts(e.e) : e;
}

function useOfVariable(ir: FunctionIr, name: string): ResultUse {
  let reads = 0;
  let signTests = 0;
  let returned = 0;
  const isRead = (e: Expr): boolean => e.k === 'var' && e.local && e.name === name;
  const isSignTest = (e: Expr): boolean =>
    e.k === 'binary' && isRead(e.l) && isZero(e.r) && (e.op === '<' || e.op === '>=');
  const failing = onlyThrough(ir, isSignTest);
  for (const node of ir.nodes) {
    const { expr } = node;
    // Where the result is known to be an error, it is passed on or printed.
    if (expr === undefined || failing.has(node.id)) continue;
    if (node.kind === 'return' && isRead(expr)) returned++;
    walk(expr, (e) => {
      if (isRead(e)) reads++;
      // What is assigned to is no read.
      if (e.k === 'assign' && e.op === '=' && isRead(e.l)) reads--;
      if (isSignTest(e)) signTests++;
    });
  }
  if (reads === 0) return 'unread';
  return signTests > 0 && reads === signTests + returned ? 'sign-tested' : 'used';
}

/** Nodes that can be reached only where a test has told that the result is negative. */
function onlyThrough(ir: FunctionIr, isSignTest: (e: Expr) => boolean): Set<number> {
  const elsewhere = new Set([0]);
  for (const id of elsewhere) {
    const { succ, kind, expr } = ir.nodes[id]!;
    const negative =
      kind !== 'branch' || expr?.k !== 'binary' || !isSignTest(expr) ? -1 : expr.op === '<' ? 0 : 1;
    succ.forEach((to, i) => {
      if (i !== negative) elsewhere.add(to);
    });
  }
  return new Set(ir.nodes.map(({ id }) => id).filter((id) => !elsewhere.has(id)));
}

function isZero(e: Expr): boolean {
  return e.k === 'num' && e.n === 0;
}
