/** Calls that may sleep or need a user's mm, and the contexts in which the functions of a file make them. */
import type { SourceFile } from '../../syntax/source.ts';
import type { CallTable } from '../facts/call-table.ts';
import { formOf } from '../facts/form.ts';
import type { Piece } from '../facts/pieces.ts';
import { ACQUIRES, type AcquireModel, isOfIterator } from '../kernel/acquire.ts';
import { ATOMIC_WORD, MMAP_WORD, SLEEPS } from '../kernel/contexts.ts';
import type { Call, Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import { type GuardScope, guardScopes } from './guards.ts';
import { leftLocked } from './left-locked.ts';
import { lockedLater } from './locked-later.ts';
import { type CalleeLocks, type LockContext, locksAtCalls, locksAtNodes, mayUnlock } from './locks.ts';
import type {
  AtomicPlace,
  ContextObservation,
  DroppedLockObservation,
  LeftLockedObservation,
} from './observation.ts';
import { FileRoles } from './roles.ts';

const ASKS_FOR_MM = /!\s*current->mm\b(?!->)|\bcurrent->mm\s*(==|!=|&&|\|\||\?)|\bif\s*\(\s*current->mm\s*\)/;

/** The contexts of one file. `lower` gives the graph of a function, or undefined where it has none. */
export class FileContexts {
  readonly roles: FileRoles;
  readonly #source: SourceFile;
  readonly #table: CallTable;
  readonly #lower: (name: string) => FunctionIr | undefined;

  constructor(source: SourceFile, table: CallTable, lower: (name: string) => FunctionIr | undefined) {
    this.roles = new FileRoles(source, table);
    this.#source = source;
    this.#table = table;
    this.#lower = lower;
  }

  /** Functions of the file that call something whose context matters. */
  functions(): string[] {
    const { indexOf, pieces, callees } = this.#table;
    const matter = (name: string): readonly string[] => {
      const index = indexOf.get(name)!;
      return pieces[index]!.fact('in contexts', () => [...callees[index]!].filter(matters));
    };
    return this.#source.functions
      .map(({ name }) => name)
      .filter((name) => matter(name).some((callee) => this.#isOfInterest(callee)));
  }

  /** Callers that hold a lock around a call of `name`, as far as their text tells. */
  lockingCallers(name: string): string[] {
    return this.roles.callersOf(name).filter((caller) => this.roles.mentions(caller, ATOMIC_WORD));
  }

  /** All that is seen in a function depends on besides the text of it and of its locking callers. */
  signature(name: string): string {
    const { origins, takeMmapLock, fromUserOnly } = this.roles.leadingTo(name);
    const parts = origins.map((o) => `${o.kind} ${o.what} ${o.function} ${o.only}`);
    const callees = [...this.#calleesOf(name)].flatMap((c) => {
      const locks = this.#lockingOf(c);
      return locks === undefined ? [] : [`${c} ${locks.mmap} ${locks.atomic}`];
    });
    return [...parts, `${takeMmapLock} ${fromUserOnly}`, ...callees].join(';');
  }

  observe(name: string): (ContextObservation | DroppedLockObservation | LeftLockedObservation)[] {
    const ir = this.#lower(name);
    if (ir === undefined) return [];
    const context = this.#context();
    const guards = this.#guardsOf(name);
    const callers = this.roles.leadingTo(name);
    const around = this.#aroundCalls(name);
    // Code that asks whether there is a user's mm knows what it does.
    const asks = ASKS_FOR_MM.test(this.roles.codeOf(name));
    const calls = locksAtCalls(ir, context);
    const dropsCallers = calls.some(
      ({ call, state }) => state.mmap.s === 'start' && mayUnlock(call, context),
    );
    const seen: ContextObservation[] = [];
    for (const { call, state } of calls) {
      if (call.fn === undefined || !this.#isOfInterest(call.fn)) continue;
      const model = ACQUIRES.get(call.fn);
      // Another function of that name: no release of the kernel takes these arguments.
      if (model !== undefined && formOf(model, call.args) === undefined) continue;
      const own = state.atomic.map(({ by, range }): AtomicPlace => ({ by, range }));
      const mmapGuard = guards.find((g) => g.holds === 'mmap' && covers(g, call));
      const ofCurrent = model !== undefined && isOfCurrent(ir, this.#source, call, model);
      seen.push({
        what: 'context',
        call,
        model,
        sleeps: model === undefined ? dirties(call) : maySleep(call, model),
        atomic: [
          ...around.filter(({ from }) => dirtiesFrom(ir, call, from)).map(({ place }) => place),
          ...own,
          ...atomicGuards(guards, call),
        ],
        mmap: mmapGuard === undefined ? state.mmap : { s: 'held', mm: '?', range: mmapGuard.at },
        mmapIsCurrent: 'mm' in state.mmap && isCurrent(ir, this.#source, state.mmap.mm),
        ofCurrent: ofCurrent && !asks,
        mmapLater:
          model?.underMmapLock === true && ofCurrent && mmapGuard === undefined && state.mmap.s === 'start'
            ? lockedLater(ir, context, call, (mm) => isCurrent(ir, this.#source, mm))
            : undefined,
        callers: dropsCallers && !callers.fromUserOnly ? { ...callers, takeMmapLock: true } : callers,
        within: name,
      });
    }
    return [...seen.filter(tells), ...droppedLocks(ir, context), ...leftLocked(ir, context)];
  }

  /** What callers hold around their calls of a function. */
  #aroundCalls(name: string): { from: Call; place: AtomicPlace }[] {
    return this.lockingCallers(name).flatMap((caller) => {
      const ir = this.#lower(caller);
      if (ir === undefined) return [];
      const guards = this.#guardsOf(caller);
      return locksAtCalls(ir, this.#context()).flatMap(({ call, state }) => {
        if (call.fn !== name) return [];
        const via = { function: caller, range: { start: call.start, end: call.end } };
        const places = [...state.atomic, ...atomicGuards(guards, call)];
        return places.slice(-1).map(({ by, range }) => ({ from: call, place: { by, range, via } }));
      });
    });
  }

  #guardsOf(name: string): GuardScope[] {
    const fn = this.#source.functions[this.#table.indexOf.get(name) ?? -1];
    return fn === undefined ? [] : guardScopes(this.#source.code.slice(fn.start, fn.end), fn.start);
  }

  #context(): LockContext {
    return {
      text: this.#source.text,
      callee: (fn) => this.#lockingOf(fn),
      lockedVariable: (call) => lockedVariable(call),
    };
  }

  /** Undefined for a function of another file. */
  #lockingOf(name: string): CalleeLocks | undefined {
    if (!this.#table.indexOf.has(name)) return undefined;
    return this.#table.pieces[this.#table.indexOf.get(name)!]!.fact('locks', locksIn);
  }

  #calleesOf(name: string): ReadonlySet<string> {
    return this.#table.callees[this.#table.indexOf.get(name)!]!;
  }

  #isOfInterest(name: string): boolean {
    return matters(name) && !this.#table.indexOf.has(name) && !this.#source.macros.has(name);
  }
}

/** A function of the kernel whose context matters. */
function matters(name: string): boolean {
  const model = ACQUIRES.get(name);
  return model === undefined ? SLEEPS.has(name) : !isOfIterator(model);
}

function locksIn({ code }: Piece): CalleeLocks {
  const ends =
    /unlock|_enable|_restore|put_cpu|kunmap_atomic/.test(code) && !ATOMIC_WORD.test(code) ? 'ends' : 'none';
  return { mmap: MMAP_WORD.test(code) && !isBalanced(code) ? 'changes' : 'none', atomic: ends };
}

/** As many locks as unlocks of mmap_lock: the function leaves it as it was. */
function isBalanced(code: string): boolean {
  const count = (word: RegExp): number => code.match(word)?.length ?? 0;
  const locks = count(/\b(mmap_(read|write)_(try)?lock|down_(read|write))/g);
  return locks > 0 && locks <= count(/\b(mmap_(read|write)_unlock|up_(read|write))/g);
}

/** Something is known of the context that a rule may object to. */
function tells({ atomic, mmap, callers, model }: ContextObservation): boolean {
  const special = callers.origins.some((o) => o.kind === 'atomic' || o.kind === 'thread');
  return atomic.length > 0 || special || mmap.s !== 'start' || model?.underMmapLock === true;
}

function covers(guard: GuardScope, call: Call): boolean {
  return guard.start <= call.start && call.start < guard.end;
}

function atomicGuards(guards: readonly GuardScope[], call: Call): AtomicPlace[] {
  return guards
    .filter((g) => g.holds === 'atomic' && covers(g, call))
    .map(({ by, at }) => ({ by, range: at }));
}

/** make_dirty is not plainly false. */
function dirties(call: Call): boolean {
  const at = SLEEPS.get(call.fn!)?.dirty;
  const arg = at === undefined ? undefined : call.args[at];
  return !(arg?.k === 'num' && arg.n === 0);
}

/** Whether it is not plainly false either where `from` calls the function with what becomes its argument. */
function dirtiesFrom(ir: FunctionIr, call: Call, from: Call): boolean {
  const at = SLEEPS.get(call.fn!)?.dirty;
  const arg = at === undefined ? undefined : call.args[at];
  if (arg?.k !== 'var') return true;
  const given = from.args[ir.params.findIndex((p) => p.name === arg.name)];
  return !(given?.k === 'num' && given.n === 0);
}

/** Only gup that is confined to the lockless walk never sleeps (FOLL_FAST_ONLY). */
function maySleep(call: Call, model: AcquireModel): boolean {
  if (model.api === 'get_user_pages_fast_only' || model.name === 'pin_user_pages_fast_only') return false;
  const form = formOf(model, call.args);
  const flags = form === undefined ? undefined : call.args[form.flags];
  return flags === undefined || !names(flags).includes('FOLL_FAST_ONLY');
}

function names(e: Expr): string[] {
  const found: string[] = [];
  walk(e, (x) => {
    if (x.k === 'var') found.push(x.name);
    if (x.k === 'num' && x.name !== undefined) found.push(x.name);
  });
  return found;
}

/** `x` of an argument `&x`. */
function lockedVariable(call: Call): string | undefined {
  const model = call.fn === undefined ? undefined : ACQUIRES.get(call.fn);
  const at = model === undefined ? undefined : formOf(model, call.args)?.locked;
  const arg = at === undefined ? undefined : call.args[at];
  return arg?.k === 'addr' && arg.e.k === 'var' && arg.e.local ? arg.e.name : undefined;
}

/** `current->mm`, or a local that is set to it and to nothing else. */
function isCurrent(ir: FunctionIr, source: SourceFile, mm: string): boolean {
  const text = mm.replace(/[\s()]/g, '');
  if (text === 'current->mm') return true;
  if (!/^\w+$/.test(text)) return false;
  let current = 0;
  let other = ir.params.some((p) => p.name === text) ? 1 : 0;
  for (const { expr } of ir.nodes) {
    if (expr?.k !== 'assign' || expr.l.k !== 'var' || expr.l.name !== text) continue;
    if (/^current->mm$/.test(source.text.slice(expr.r.start, expr.r.end).replace(/[\s()]/g, ''))) current++;
    else other++;
  }
  return current > 0 && other === 0;
}

/** The process that calls: all but the _remote functions work on its mm, and those where they are given it. */
function isOfCurrent(ir: FunctionIr, source: SourceFile, call: Call, model: AcquireModel): boolean {
  if (model.api === 'memfd_pin_folios') return false;
  const remote = model.name.endsWith('_remote');
  // tsk and mm came first until 4.5, and until 5.8 for _remote.
  const given = remote && call.args.length >= 7 ? 1 : 0;
  const hasTask = (model.name === 'get_user_pages' && call.args.length === 8) || call.args.length === 7;
  if (!remote && !(hasTask && model.name.startsWith('get_user_pages'))) return true;
  const args = [call.args[given], call.args[0], call.args[1]];
  return args.some(
    (arg) => arg !== undefined && isCurrent(ir, source, source.text.slice(arg.start, arg.end)),
  );
}

/** Lookups of a vma, which is only there while mmap_lock is held. */
const FINDS_VMA =
  /^(find_(extend_)?vma\w*|vma_lookup|find_vma_intersection|find_extend_vma_locked|vma_next)$/;

/** What a function does while a call with `&locked` may have dropped the lock. */
function droppedLocks(ir: FunctionIr, context: LockContext): DroppedLockObservation[] {
  const vmas = new Set<string>();
  for (const { expr } of ir.nodes)
    if (expr?.k === 'assign' && expr.l.k === 'var' && expr.r.k === 'call' && FINDS_VMA.test(expr.r.fn ?? ''))
      vmas.add(expr.l.name);
  const seen: DroppedLockObservation[] = [];
  for (const { node, state } of locksAtNodes(ir, context)) {
    if (state.mmap.s !== 'depends' || node.expr === undefined) continue;
    const { call, variable } = state.mmap;
    const at = { what: 'dropped-lock', call, variable, within: ir.name } as const;
    walk(node.expr, (e) => {
      const range = { start: e.start, end: e.end };
      if (e.k === 'call' && mayUnlock(e, context)) seen.push({ ...at, event: 'unlock', range });
      if (e.k === 'member' && e.arrow && e.base.k === 'var' && vmas.has(e.base.name))
        seen.push({ ...at, event: 'vma', range });
    });
  }
  return seen;
}
