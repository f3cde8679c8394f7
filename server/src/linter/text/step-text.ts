/** The steps of a counterexample in words, shared by the formats. */
import type { FolioView, TraceStep } from '#engine/protocol/trace.ts';
import type { ExplainedStep } from '../../explain/explanation.ts';
import { resultText } from '../../explain/words.ts';

/** `get_user_pages_fast(p, 1, FOLL_WRITE, pages) = 1`; errors by name. */
export function callText(step: TraceStep): string {
  return step.ret === undefined ? step.call : `${step.call} = ${resultText(step.ret)}`;
}

/** What a step did, in one sentence; the last step's says the damage as well. */
export function stepSentence(step: ExplainedStep): string {
  const within = step.within === undefined ? '' : ` (in ${step.within}())`;
  const damage = step.damage === undefined ? '' : `. Damage: ${step.damage}`;
  return `${step.note}${within}${damage}`;
}

/** One folio in one line. */
export function folioText(folio: FolioView): string {
  const columns = folioColumns(folio);
  return Object.entries(columns)
    .filter(([name, value]) => name !== 'folio' && value !== '-')
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** What is shown of a folio, by column heading; flags in `known` are left out. */
export function folioColumns(folio: FolioView, known: ReadonlySet<string> = new Set()) {
  const flags = folio.flags.filter((flag) => !known.has(flag));
  // What folio_maybe_dma_pinned() answers; order-0 folios have no pincount to show it by.
  if (folio.maybeDmaPinned) flags.push('maybe-dma-pinned');
  return {
    folio: folio.order === 0 ? folio.name : `${folio.name} (order ${folio.order})`,
    refcount: String(folio.refcount),
    pincount: folio.pincount === null ? '-' : String(folio.pincount),
    mapcount: String(folio.mapcount),
    flags: flags.length === 0 ? '-' : flags.join(' '),
    content: folio.content,
    'mapped by': folio.mappedBy.length === 0 ? 'nobody' : mappers(folio.mappedBy),
  } as const;
}

/** `process:0 process:1 child:0` as `process:0,1 child:0`. */
function mappers(mappedBy: readonly string[]): string {
  const pages = new Map<string, string[]>();
  for (const mapping of mappedBy) {
    const [process = '', page = ''] = mapping.split(':');
    pages.set(process, [...(pages.get(process) ?? []), page]);
  }
  return [...pages].map(([process, list]) => `${process}:${list.join(',')}`).join(' ');
}

/** Flags that every folio has before and after every step. */
export function steadyFlags(steps: readonly TraceStep[]): ReadonlySet<string> {
  const folios = steps.flatMap(({ before, after }) => [...before.folios, ...after.folios]);
  const [first, ...others] = folios.map(({ flags }) => flags);
  return new Set((first ?? []).filter((flag) => others.every((flags) => flags.includes(flag))));
}
