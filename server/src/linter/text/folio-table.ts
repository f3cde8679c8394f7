/** The pages between two steps of a counterexample, as rows of cells; text and Markdown draw them. */
import type { FolioView, Snapshot } from '#engine/protocol/trace.ts';
import type { ExplainedStep } from '../../explain/explanation.ts';
import { cells } from './source-line.ts';
import { folioColumns } from './step-text.ts';

type Cells = ReturnType<typeof folioColumns>;
export type Column = keyof Cells;

export interface FolioRow {
  readonly cells: Readonly<Record<Column, string>>;
  /** Whether the step changed anything about the folio. */
  readonly touched: boolean;
}

/** Columns whose values are shown as `before→after` where a step changed them. */
const COUNTED: readonly Column[] = ['refcount', 'pincount', 'mapcount'];

/** The pages before the first step. */
export function rowsBefore(snapshot: Snapshot, steady: ReadonlySet<string>): FolioRow[] {
  return snapshot.folios.map((folio) => ({ cells: folioColumns(folio, steady), touched: false }));
}

/** The pages after a step; counts that it changed are shown with what they were. */
export function rowsAfter({ before, after }: ExplainedStep, steady: ReadonlySet<string>): FolioRow[] {
  return after.folios.map((folio) => {
    const now = folioColumns(folio, steady);
    const old = before.folios.find(({ name }) => name === folio.name);
    const touched = JSON.stringify(old) !== JSON.stringify(folio);
    return { cells: old === undefined ? now : changed(folioColumns(old, steady), now), touched };
  });
}

function changed(then: Cells, now: Cells): Record<Column, string> {
  const shown: Record<Column, string> = { ...now };
  for (const column of COUNTED) {
    if (then[column] !== now[column]) shown[column] = `${then[column]}→${now[column]}`;
  }
  return shown;
}

/** Cells that each column needs for all rows. */
export function columnWidths(rows: readonly FolioRow[]): Record<Column, number> {
  const widths = Object.keys(rows[0]?.cells ?? {}).map((name) => {
    const column = name as Column;
    return [column, Math.max(column.length, ...rows.map((row) => cells(row.cells[column])))];
  });
  return Object.fromEntries(widths) as Record<Column, number>;
}

/** What a step changed outside the folios: the backing store and the counters of /proc/vmstat. */
export function counterChanges({ before, after }: ExplainedStep): string[] {
  const lines: string[] = [];
  if (after.backing !== undefined && after.backing.join() !== before.backing?.join()) {
    lines.push(`backing store: ${after.backing.join(', ')}`);
  }
  for (const [name, key] of [
    ['nr_foll_pin_acquired', 'acquired'],
    ['nr_foll_pin_released', 'released'],
  ] as const) {
    if (after.vmstat[key] !== before.vmstat[key]) {
      lines.push(`${name}: ${before.vmstat[key]}→${after.vmstat[key]}`);
    }
  }
  return lines;
}

/** What stands outside the folios before the first step: the backing store, where there is one. */
export function countersBefore({ backing }: Snapshot): string[] {
  return backing === undefined ? [] : [`backing store: ${backing.join(', ')}`];
}

/** Names of the folios that vanish with a step. */
export function vanished({ before, after }: ExplainedStep): string[] {
  const left = new Set(after.folios.map(({ name }: FolioView) => name));
  return before.folios.map(({ name }: FolioView) => name).filter((name) => !left.has(name));
}
