/** What the syntax layer costs, for both back ends: parsing, and an edit in a long file. */
import { readFileSync } from 'node:fs';
import { decodeSource } from '#server/syntax/decode.ts';
import { IncrementalParser } from '#server/syntax/incremental.ts';
import { createParser, type Parser, type SourceSlice } from '#server/syntax/parser.ts';
import { openSource } from '#server/syntax/source.ts';
import { cFiles } from '../scripts/kernel-tree.ts';
import { milliseconds, quantile, type Row } from './measure.ts';

const MENTION = /_user_page|_pin_folios|iov_iter_get_pages|iov_iter_extract_pages/;
const OPTIONS = { kernelVersion: { major: 6, minor: 12, patch: 0 }, prefer: MENTION };
const EDITS = 60;

/** Takes the C files of a folder that mention page pinning. */
export async function parseRows(folder: string): Promise<Row[]> {
  const texts = [...cFiles(folder)].flatMap((file) => {
    const decoded = decodeSource(readFileSync(file));
    return decoded.kind === 'text' && MENTION.test(decoded.text) ? [decoded.text] : [];
  });
  const open = () => texts.map((text) => openSource('bench.c', text, OPTIONS));
  const openTime = fastest(open);
  const sources = open();
  const slices = sources.flatMap((source) =>
    source.functionsMatching(MENTION).map((index) => source.slice(index)),
  );
  const dialectTime = fastest(() => {
    for (const source of open()) for (const index of source.functionsMatching(MENTION)) source.slice(index);
  });
  const whole = sources.map(({ text, code }) => ({ text, code, from: 0 }));
  const rows = [
    row(`preprocess and outline, ${texts.length} files`, size(whole), openTime),
    row(`dialect, ${slices.length} functions`, size(slices), Math.max(dialectTime - openTime, 0.1)),
  ];
  const longest = texts.reduce((a, b) => (b.length > a.length ? b : a), '');
  for (const backend of ['native', 'wasm'] as const) {
    const parser = await createParser({ prefer: backend });
    if (parser.backend !== backend) continue;
    const parseAll = (list: readonly SourceSlice[]) => () => {
      for (const slice of list) parser.parse(slice);
    };
    rows.push(row(`parse, ${backend}, those functions`, size(slices), fastest(parseAll(slices))));
    rows.push(row(`parse, ${backend}, whole files`, size(whole), fastest(parseAll(whole), 2)));
    rows.push(editRow(parser, longest));
  }
  return rows;
}

function fastest(run: () => unknown, rounds = 5): number {
  return Math.min(...Array.from({ length: rounds }, () => milliseconds(run)));
}

function size(slices: readonly SourceSlice[]): number {
  return slices.reduce((sum, slice) => sum + slice.code.length, 0);
}

function row(what: string, characters: number, time: number): Row {
  const rate = (characters / 1000 / time).toFixed(1);
  return { what, figure: `${time.toFixed(0)} ms, ${rate} MB/s`, aim: '' };
}

/** A character is typed into the middle function of a file, again and again: from text to that function's tree. */
function editRow(backend: Parser, content: string): Row {
  const parser = new IncrementalParser(backend);
  let text = content;
  let source = openSource('bench.c', text, OPTIONS);
  const all = source.functions.map((_function, index) => index);
  for (const index of all) source.parse(index, parser);
  parser.sweep();
  const edited = all[all.length >> 1]!;
  const times = Array.from({ length: EDITS }, (_, edit) => {
    const at = source.functions[edited]!.bodyStart + 1;
    text = `${text.slice(0, at)}${edit % 2 === 0 ? ';' : ' '}${text.slice(at)}`;
    const time = milliseconds(() => {
      source = openSource('bench.c', text, OPTIONS);
      source.parse(edited, parser);
    });
    for (const index of all) source.parse(index, parser);
    parser.sweep();
    return time;
  });
  parser.dispose();
  return {
    what: `an edit, ${parser.backend}, ${source.lines.count} lines: median, p95`,
    figure: `${quantile(times, 0.5).toFixed(1)} ms, ${quantile(times, 0.95).toFixed(1)} ms`,
    aim: '',
  };
}
