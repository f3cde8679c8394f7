/**
 * Where the pages of a file come from, told by the names of the functions that it calls: of a file that has no pages but
 * those which it acquires in one way, something can be said of calls that no run has come across with a page.
 */
import type { DriverStep } from '#engine/protocol/steps.ts';
import { ACQUIRES, type AcquireModel } from '../../flow/kernel/acquire.ts';
import { effectsOf } from '../../flow/kernel/effects.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Finding } from '../finding.ts';

/** A call in the code of a function of the file. */
export interface CallSite {
  readonly name: string;
  readonly range: Range;
  /** Index of the function that it stands in. */
  readonly index: number;
}

/** What functions do to pages that do not hand out any, by their names. */
const NO_SOURCE =
  /_to_(page|folio|pfn)$|get_free_pages?$|get_zeroed_page$|_table_from_|^(Set|Clear)?Page[A-Z]|(^|_)(un)?(lock|map)_|(^|_)(insert|flush|sync|put|free|release|unpin|set|clear|mark|offset|count|nr|num|valid|is|has|dirty|reserved|remove|remap|finish)_/;

/** Whether a function that is called, and not defined in the file, may hand out other pages with a reference. */
function isSource(name: string, isOwn: (model: AcquireModel) => boolean): boolean {
  const model = ACQUIRES.get(name);
  if (model !== undefined) return !isOwn(model);
  if (!/page|folio|pfn/i.test(name) || /^[A-Z0-9_]+$/.test(name)) return false;
  return (
    ALLOCATES.test(name) || REFERS.test(name) || (effectsOf(name) === undefined && !NO_SOURCE.test(name))
  );
}

/** Helpers of the kernel that hand out pages, and are known not to touch others. */
const ALLOCATES = /^(dev_)?alloc_(pages?|folio)|^folio_alloc/;
const REFERS = /^(try_)?get_page|^folio_(try_)?get/;

const FREES = /^_*free_pages?$/;

/** The pages of a file all come from certain calls. */
interface OnlyPages {
  readonly acquires: readonly CallSite[];
  /** All calls of functions that the file does not define. */
  readonly calls: readonly CallSite[];
  /** It allocates pages as well, and has a function that frees such. */
  readonly allocates: boolean;
}

/** What a file does with its pages, if it has no others than those that `isOwn` calls acquire; undefined where it may have. */
export function acquiredOnly(
  source: SourceFile,
  isOwn: (model: AcquireModel) => boolean,
): OnlyPages | undefined {
  const own = new Set([...source.functions.map(({ name }) => name), ...source.macros.keys()]);
  const calls = callsIn(source).filter(({ name }) => !own.has(name));
  const acquires = calls.filter(({ name }) => {
    const model = ACQUIRES.get(name);
    return model !== undefined && isOwn(model);
  });
  if (acquires.length === 0) return undefined;
  const sources = calls.filter(({ name }) => isSource(name, isOwn));
  const allocates = sources.length > 0;
  // What the file allocates it frees by another name.
  if (sources.some(({ name }) => !ALLOCATES.test(name))) return undefined;
  return allocates && !calls.some(({ name }) => FREES.test(name))
    ? undefined
    : { acquires, calls, allocates };
}

/** Calls in the functions of the file, each with its range. */
function callsIn(source: SourceFile): CallSite[] {
  return source.functions.flatMap(({ bodyStart, end }, index) => {
    const body = source.code.slice(bodyStart, end);
    return [...body.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)].map((match): CallSite => {
      const start = bodyStart + match.index;
      return {
        name: match[1]!,
        range: { start, end: endOfCall(source.code, start + match[0].length) },
        index,
      };
    });
  });
}

/** Where the call ends whose arguments start at `from`. */
function endOfCall(code: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; at < code.length && depth > 0; at++) {
    if (code[at] === '(') depth++;
    if (code[at] === ')') depth--;
  }
  return at;
}

/** Structures that say nothing of what a function is about. */
const COMMON =
  /^(page|folio|device|list_head|file|inode|mm_struct|vm_area_struct|vm_fault|task_struct|scatterlist|sg_table|work_struct|kref|mutex|rb_node|bio|bio_vec|iov_iter|iovec)$/;

/**
 * The acquire whose function has most structures in common with that of another call, itself or in one that calls it; the
 * first of them. Undefined where none has any: then the call may be about pages that come from elsewhere.
 */
export function nearest(
  source: SourceFile,
  call: CallSite,
  acquires: readonly CallSite[],
): CallSite | undefined {
  const textOf = (index: number): string => {
    const { start, end } = source.functions[index]!;
    return source.code.slice(start, end);
  };
  const own = structsIn(textOf(call.index));
  const shared = (acquire: CallSite): number => {
    const caller = new RegExp(`\\b${source.functions[acquire.index]!.name}\\s*\\(`);
    const around = [acquire.index, ...source.functionsMatching(caller)].filter(
      (index) => index !== call.index,
    );
    const theirs = structsIn(around.map(textOf).join('\n'));
    return [...own].filter((struct) => theirs.has(struct)).length;
  };
  const [best] = acquires
    .map((acquire) => ({ acquire, shared: shared(acquire) }))
    .sort((a, b) => b.shared - a.shared);
  return best !== undefined && best.shared > 0 ? best.acquire : undefined;
}

function structsIn(code: string): Set<string> {
  const found = [...code.matchAll(/\bstruct\s+(\w+)/g)].map(([, name]) => name!);
  return new Set(found.filter((name) => !COMMON.test(name)));
}

/** What is said of such a call. */
interface Said extends Pick<Finding, 'code' | 'certainty' | 'message'> {
  /** What the call does to the page. */
  readonly step: DriverStep;
  /** What is said at the place of the acquire. */
  readonly acquired: string;
}

/** A finding about a call that no run has come across with a page, and what `acquire` gets. */
export function surmise(source: SourceFile, call: CallSite, acquire: CallSite, said: Said): Finding {
  const nameOf = ({ index }: CallSite): string => source.functions[index]!.name;
  const textOf = ({ range }: CallSite): string =>
    source.text.slice(range.start, range.end).replace(/\s+/g, ' ');
  const { code, certainty, message, step, acquired } = said;
  const { api } = ACQUIRES.get(acquire.name)!;
  const get = { op: 'acquire', api, flags: 0, nr: 1, set: 0, expect: 1 } as const;
  const place = acquire.index === call.index ? {} : { within: nameOf(acquire) };
  return {
    code,
    certainty,
    message,
    range: call.range,
    function: nameOf(call),
    api: acquire.name,
    site: { function: nameOf(acquire), range: acquire.range },
    related: [{ range: acquire.range, message: acquired }],
    witness: {
      steps: [
        { step: get, range: acquire.range, text: textOf(acquire), ...place },
        { step, range: call.range, text: textOf(call) },
      ],
      assumed: [],
    },
  };
}
