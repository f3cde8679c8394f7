/**
 * The order of releases and unmappings where a function finds pages by a number that a mapping remembers: which pages
 * these are no run tells, but the mapping that is ended after the release is the one that they were found in.
 */
import type { Range } from '../../syntax/range.ts';
import { mapsThroughTable, unmappedBy } from '../kernel/devices.ts';
import { isReleaseName } from '../kernel/effects.ts';
import type { Call, Expr, FunctionIr } from '../lower/ir.ts';
import { walk } from '../lower/walk.ts';
import type { CallTable } from './call-table.ts';
import type { Ask, Piece } from './pieces.ts';

/**
 * `order`: a release that an unmapping of the same object follows, at `unmap`, by the call `by`. `wait`: a release that
 * follows a wait whichever way it ends; the wait is at `unmap`, in the call `by`.
 */
export interface LateUnmap {
  readonly kind: 'order' | 'wait';
  /** Function in which the release stands. */
  readonly within: string;
  readonly release: Range;
  /** The releasing function of the kernel. */
  readonly api: string;
  readonly unmap: Range;
  readonly by: string;
}

/** What calls of the file's own functions do with their arguments: positions of those that are released or unmapped. */
interface Helpers {
  readonly releases: (fn: string) => ReadonlySet<number>;
  /** Those that are pages, and are released as such. */
  readonly puts: (fn: string) => ReadonlySet<number>;
  readonly unmaps: (fn: string) => ReadonlySet<number>;
}

/** Where to look: the functions of the file, their text, and their lowered form. */
export interface OrderHost {
  readonly table: CallTable;
  readonly pieceOf: (fn: string) => Piece;
  /** Where a function starts in the file. */
  readonly startOf: (fn: string) => number;
  readonly lower: (fn: string) => FunctionIr | undefined;
  /** Counts a function as analysed: lower() is not asked for what is known of its text already. */
  readonly know: (fn: string) => void;
}

/** All late unmappings of a file. */
export function lateUnmapsOf(host: OrderHost): LateUnmap[] {
  const { table } = host;
  const names = [...table.indexOf.keys()];
  const is = (fn: string): Ends => {
    const index = table.indexOf.get(fn)!;
    return table.pieces[index]!.fact('ends', (piece) => endsIn(piece, table.callees[index]!));
  };
  const releasing = names.filter((fn) => is(fn).releases);
  if (releasing.length === 0 || !names.some((fn) => is(fn).finds)) return [];
  const unmapping = names.filter((fn) => is(fn).unmaps);
  const summaries = new Map<string, Positions>();
  const answer = (fn: string): string => {
    const { releases = [], unmaps = [], puts = [] } = summaries.get(fn) ?? {};
    return `${releases.join()};${unmaps.join()};${puts.join()}`;
  };
  // A wrapper of a release comes before those that call it.
  const wrapping = releasing.filter((fn) => !is(fn).finds);
  const through = wrapping.flatMap((fn) => [...table.callersOf(fn)]).filter((fn) => is(fn).finds);
  for (const fn of new Set([...wrapping, ...releasing, ...through, ...unmapping])) {
    host.know(fn);
    const made = host.pieceOf(fn).asked('unmaps', answer, (ask) => {
      const ir = host.lower(fn);
      return ir && positionsOf(ir, helpersOf(ask));
    });
    if (made !== undefined) summaries.set(fn, made);
  }
  const withCallers = (fns: readonly string[]): Set<string> =>
    new Set(fns.flatMap((fn) => [fn, ...table.callersOf(fn)]));
  const ofUnmaps = withCallers(unmapping);
  const ofReleases = withCallers(releasing);
  const both = names.filter((fn) => ofReleases.has(fn) && ofUnmaps.has(fn));
  return both.flatMap((fn) => {
    host.know(fn);
    const late = host.pieceOf(fn).asked('late unmaps', answer, (ask) => {
      const ir = host.lower(fn);
      return ir === undefined
        ? []
        : lateUnmaps(ir, helpersOf(ask)).map((each) => moved(each, -host.startOf(fn)));
    });
    return late.map((each) => moved(each, host.startOf(fn)));
  });
}

function moved(late: LateUnmap, by: number): LateUnmap {
  const move = ({ start, end }: Range): Range => ({ start: start + by, end: end + by });
  return { ...late, release: move(late.release), unmap: move(late.unmap) };
}

interface Ends {
  readonly releases: boolean;
  readonly finds: boolean;
  readonly unmaps: boolean;
}

function endsIn({ code, bodyAt }: Piece, callees: ReadonlySet<string>): Ends {
  const calls = [...callees];
  return {
    releases: calls.some(isReleaseName),
    finds: calls.some((c) => PAGE_OF_NUMBER.test(c)),
    unmaps:
      calls.some((c) => unmappedBy(c) !== undefined) ||
      /->\s*(dma_|iommu_)?unmap\w*\s*\(/.test(code.slice(bodyAt)),
  };
}

/** What is known of the file's other functions, as pieces are told: `0,2;1`. */
function helpersOf(ask: Ask): Helpers {
  const part = (fn: string, at: 0 | 1 | 2): ReadonlySet<number> =>
    new Set(
      ask(fn)
        .split(';')
        [at]!.split(',')
        .filter((i) => i !== '')
        .map(Number),
    );
  return { releases: (fn) => part(fn, 0), unmaps: (fn) => part(fn, 1), puts: (fn) => part(fn, 2) };
}

const PAGE_OF_NUMBER = /^(pfn_to_page|phys_to_page|pfn_folio)$/;

interface Event {
  readonly node: number;
  readonly call: Call;
  readonly names: ReadonlySet<string>;
}

/** Releases in a function that come before the unmapping of what the pages were found in, on the way of one round. */
function lateUnmaps(ir: FunctionIr, helpers: Helpers): LateUnmap[] {
  const from = derivations(ir);
  const releases = events(ir, from, (call) => releasedArgs(call, from, helpers));
  const unmaps = events(ir, from, (call) => unmappedArgs(call, helpers));
  if (releases.length === 0 || unmaps.length === 0) return [];
  const found: LateUnmap[] = [];
  for (const release of releases) {
    const late = unmaps.find(({ node, call, names }) => {
      // A helper that also releases is about other pages: the cleanup of what was set up before.
      if (call.fn !== undefined && helpers.releases(call.fn).size > 0) return false;
      const shared = [...names].filter((name) => release.names.has(name));
      return shared.length > 0 && follows(ir, release.node, node, shared);
    });
    if (late === undefined) continue;
    const { start, end, fn } = release.call;
    found.push({
      kind: 'order',
      within: ir.name,
      release: { start, end },
      api: fn ?? '',
      unmap: { start: late.call.start, end: late.call.end },
      by: late.call.fn ?? 'the operation',
    });
  }
  return found;
}

interface Positions {
  readonly puts: readonly number[];
  readonly releases: readonly number[];
  readonly unmaps: readonly number[];
}

/** Positions of the parameters that a function releases the page of, or unmaps. */
function positionsOf(ir: FunctionIr, helpers: Helpers): Positions {
  const from = derivations(ir);
  const params = (args: readonly Expr[]): number[] => {
    const names = namesIn(args, from);
    return ir.params.flatMap((p, i) => (names.has(p.name) ? [i] : []));
  };
  const releases = new Set<number>();
  const unmaps = new Set<number>();
  const puts = new Set<number>();
  for (const call of ir.calls) {
    const [page] = call.fn !== undefined && isReleaseName(call.fn) ? call.args : [];
    const put = page?.k === 'var' ? ir.params.findIndex(({ name }) => name === page.name) : -1;
    if (put >= 0) puts.add(put);
    for (const i of params(releasedArgs(call, from, helpers))) releases.add(i);
    for (const i of params(unmappedArgs(call, helpers))) unmaps.add(i);
  }
  return { releases: [...releases], unmaps: [...unmaps], puts: [...puts] };
}

function releasedArgs(call: Call, from: Derivations, helpers: Helpers): Expr[] {
  if (call.fn === undefined) return [];
  if (isReleaseName(call.fn)) return call.args.slice(0, 1).filter((a) => isFoundByNumber(a, from));
  const own = helpers.releases(call.fn);
  const puts = helpers.puts(call.fn);
  return call.args.filter((a, i) => own.has(i) || (puts.has(i) && isFoundByNumber(a, from)));
}

function unmappedArgs(call: Call, helpers: Helpers): Expr[] {
  // The first argument is the domain or the device, which many mappings share.
  if (call.callee?.k === 'member' && mapsThroughTable(call.callee.name) === 'unmap')
    return call.args.slice(1);
  if (call.fn === undefined) return [];
  const at = unmappedBy(call.fn);
  if (at !== undefined) return call.args.slice(at, at + 1);
  const own = helpers.unmaps(call.fn);
  return call.args.filter((_, i) => own.has(i));
}

interface Derivations {
  /** Names that a local is computed from, through any number of assignments. */
  readonly sources: ReadonlyMap<string, ReadonlySet<string>>;
  /** Locals that hold a page found by its number. */
  readonly pages: ReadonlySet<string>;
}

function derivations(ir: FunctionIr): Derivations {
  const sources = new Map<string, Set<string>>();
  const pages = new Set<string>();
  const add = (to: string, names: Iterable<string>): void => {
    const known = sources.get(to) ?? new Set();
    for (const name of names) if (name !== to) known.add(name);
    sources.set(to, known);
  };
  for (const { expr } of ir.nodes) {
    if (expr === undefined) continue;
    walk(expr, (e) => {
      if (e.k === 'assign' && e.l.k === 'var' && e.l.local) {
        add(e.l.name, localsIn(e.r));
        if (isFoundByNumber(e.r, { sources, pages })) pages.add(e.l.name);
      }
      // What a call stores through a pointer comes from its other arguments.
      if (e.k === 'call')
        for (const a of e.args)
          if (a.k === 'addr' && a.e.k === 'var' && a.e.local)
            add(
              a.e.name,
              e.args.flatMap((o) => (o === a ? [] : localsIn(o))),
            );
    });
  }
  return { sources, pages };
}

function isFoundByNumber(e: Expr, from: Derivations): boolean {
  if (e.k === 'cast') return isFoundByNumber(e.e, from);
  if (e.k === 'call') return PAGE_OF_NUMBER.test(e.fn ?? '');
  return e.k === 'var' && from.pages.has(e.name);
}

function localsIn(e: Expr): string[] {
  const names: string[] = [];
  walk(e, (x) => x.k === 'var' && x.local && names.push(x.name));
  return names;
}

/** Locals in expressions, and all that those are computed from. */
function namesIn(args: readonly Expr[], from: Derivations): Set<string> {
  const names = new Set(args.flatMap(localsIn));
  for (const name of names) for (const source of from.sources.get(name) ?? []) names.add(source);
  return names;
}

function events(ir: FunctionIr, from: Derivations, argsOf: (call: Call) => Expr[]): Event[] {
  return ir.nodes.flatMap(({ id, expr }) => {
    const out: Event[] = [];
    if (expr !== undefined)
      walk(expr, (e) => {
        if (e.k !== 'call') return;
        const args = argsOf(e);
        if (args.length > 0) out.push({ node: id, call: e, names: namesIn(args, from) });
      });
    return out;
  });
}

/** Whether a node is reached from another while the names keep their values: not in the next round of a loop. */
function follows(ir: FunctionIr, from: number, to: number, names: readonly string[]): boolean {
  const guard = guardOf(ir, from);
  const seen = new Set<string>();
  const work = ir.nodes[from]!.succ.map((node) => ({ node, guarded: guard !== undefined }));
  while (work.length > 0) {
    const { node: at, guarded } = work.pop()!;
    if (at === to) return true;
    const node = ir.nodes[at]!;
    const key = `${at} ${guarded}`;
    if (seen.has(key) || changes(node.expr, names)) continue;
    seen.add(key);
    const still = guarded && !changes(node.expr, guard!.names);
    const same = still && node.kind === 'branch' && sameCondition(node.expr, guard!.condition);
    const next = same ? [node.succ[guard!.arm]!] : node.succ;
    for (const succ of next) work.push({ node: succ, guarded: still });
  }
  return false;
}

interface Guard {
  readonly condition: Expr;
  /** 0 where the condition holds at the node, 1 where it does not. */
  readonly arm: 0 | 1;
  readonly names: readonly string[];
}

/** The condition on which a node is reached, where there is one way to it. */
function guardOf(ir: FunctionIr, node: number): Guard | undefined {
  for (let at = node; ; ) {
    const before = ir.nodes.filter((n) => n.succ.includes(at));
    const [only] = before;
    if (only === undefined || before.length > 1) return undefined;
    if (only.kind === 'branch' && only.expr !== undefined && only.succ[0] !== only.succ[1])
      return { condition: only.expr, arm: only.succ[0] === at ? 0 : 1, names: localsIn(only.expr) };
    at = only.id;
  }
}

/** Two conditions on one variable: `ret` twice. */
function sameCondition(a: Expr | undefined, b: Expr): boolean {
  return a?.k === 'var' && b.k === 'var' && a.name === b.name;
}

function changes(e: Expr | undefined, names: readonly string[]): boolean {
  let found = false;
  if (e === undefined) return false;
  walk(e, (x) => {
    const target = x.k === 'assign' ? x.l : x.k === 'step' ? x.e : x.k === 'declare' ? x : undefined;
    if (target?.k === 'var' || target?.k === 'declare') found ||= names.includes(target.name);
  });
  return found;
}
