import { BOOL } from '../flow/lower/ctypes.ts';
import type { Expr, IntType, Var } from '../flow/lower/ir.ts';
import type { Value } from '../flow/state/value.ts';
import { called, takesFlags } from './evidence/apis.ts';
import { rangeOf } from './evidence/findings.ts';
import { acquires } from './evidence/observations.ts';
import type { Rule, RuleContext } from './rule.ts';

export const flagsType: Rule = {
  code: 'GUP109',
  name: 'flags-type',
  summary: 'a truth value or a bare number is passed where FOLL_* flags are expected',
  defaultLevel: 'warning',
  documentSection: 'Which flags are set by each wrapper',
  documentLines: '53-56',
  rationale:
    'Before 4.9 (5.2 for the _fast functions) this argument was "int write". Today it is gup_flags. A truth value still works by accident, because FOLL_WRITE is 1: it says nothing of what is meant, and every other value asks for flags that nobody thought of.',
  bad: `static int pin_one(unsigned long uaddr, int direction, struct page **page)
{
	return pin_user_pages_fast(uaddr, 1, direction == DMA_FROM_DEVICE, page);
}
`,
  good: `static int pin_one(unsigned long uaddr, int direction, struct page **page)
{
	return pin_user_pages_fast(uaddr, 1, direction == DMA_FROM_DEVICE ? FOLL_WRITE : 0, page);
}
`,
  check: (flow, { kernel, mentions }) =>
    acquires(flow).flatMap((o) => {
      const { flagsExpr } = o;
      if (flagsExpr === undefined || o.form?.booleans || !takesFlags(o.model.name, kernel)) return [];
      const bit = foreignBit(flagsExpr);
      const what = bit?.what ?? misfit(flagsExpr, o.flags);
      if (what === undefined || (flagsExpr.k === 'var' && isUsedAsFlags(flagsExpr, mentions))) return [];
      const range = rangeOf(o.call);
      const why =
        bit === undefined || bit.n === 1
          ? 'it counts as FOLL_WRITE only because that happens to be 1'
          : `it is ${bit.n} where it is set, which is another flag than FOLL_WRITE, so the pages are not made writable`;
      return [
        {
          code: 'GUP109',
          certainty: 'certain' as const,
          message: `${what} is passed to ${called(o.model.name)} as gup_flags: ${why}. Write the flags that are meant, for instance "write ? FOLL_WRITE : 0".`,
          range: rangeOf(flagsExpr),
          function: o.within,
          api: o.model.name,
          site: { function: o.within, range },
          related: [],
        },
      ];
    }),
};

/** Names of a truth value that says whether the pages are written to; flags are unsigned, and are called flags. */
const TELLS_WRITING = /^(?:is_|do_|for_|need_)?(?:write|writable|writeable|to_user|write_to_vm)$/;

/**
 * Bits of other sets of flags that say whether something is written, and their values (include/linux/mm.h, fs.h, iommu.h,
 * mm_types.h, asm-generic/mman-common.h, rdma/ib_verbs.h of 6.12).
 */
const FOREIGN_BITS: ReadonlyMap<string, number> = new Map([
  ['FAULT_FLAG_WRITE', 1],
  ['FMODE_WRITE', 2],
  ['IB_ACCESS_LOCAL_WRITE', 1],
  ['IOMMU_WRITE', 2],
  ['PROT_WRITE', 2],
  ['VM_WRITE', 2],
]);

/** A bit of another set of flags, taken out of it: `vma->vm_flags & VM_WRITE`. */
function foreignBit(e: Expr): { readonly what: string; readonly n: number } | undefined {
  if (e.k === 'cast') return foreignBit(e.e);
  if (e.k !== 'binary' || e.op !== '&') return undefined;
  for (const side of [e.l, e.r]) {
    const name = side.k === 'num' || (side.k === 'var' && !side.local) ? side.name : undefined;
    const n = name === undefined ? undefined : FOREIGN_BITS.get(name);
    if (n !== undefined) return { what: `The bit ${name}`, n };
  }
  return undefined;
}

/** Whether FOLL_* flags are put into a variable of this name, or looked for in it: then it is no truth value. */
function isUsedAsFlags({ name }: Var, mentions: RuleContext['mentions']): boolean {
  return mentions(new RegExp(`\\b${name}\\s*(?:&|\\|?=)[^;=&|]*\\bFOLL_`));
}

/** Why an expression is no set of flags; undefined where it may be one. */
function misfit(e: Expr, v: Value): string | undefined {
  switch (e.k) {
    case 'cast':
      return misfit(e.e, v);
    case 'num':
      return e.n === 0 || e.name?.startsWith('FOLL_')
        ? undefined
        : e.name === undefined
          ? `The bare number ${e.n}`
          : `"${e.name}"`;
    case 'unary':
      return e.op === '!' ? 'A truth value' : undefined;
    case 'logic':
      return 'A truth value';
    case 'binary':
      if (isComparison(e.op)) return 'A comparison';
      return e.op === '|' ? (misfit(e.l, v) ?? misfit(e.r, v)) : undefined;
    case 'cond':
      return misfit(e.a, v) ?? misfit(e.b, v);
    case 'var':
      if (e.type === BOOL) return `The bool "${e.name}"`;
      if (isInt(e.type) && TELLS_WRITING.test(e.name)) return `The int "${e.name}"`;
      return v.t === 'sym' && v.op !== undefined && isComparison(v.op)
        ? `"${e.name}", which holds the outcome of a comparison,`
        : undefined;
    case 'member':
      return e.type === BOOL ? `The bool "${e.name}"` : undefined;
    default:
      return undefined;
  }
}

function isInt(type: IntType | undefined): boolean {
  return type?.signed === true && type.bits === 32;
}

function isComparison(op: string): boolean {
  return op === '!' || /^([=!]=|[<>]=?)$/.test(op);
}
