/** Taking FOLL_* flags out of an expression, and putting them in. */

import { Field, Kind } from '../../syntax/kinds.ts';
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { Edit, FixSource } from '../fix.ts';
import { type CallText, textOf } from './call.ts';
import { removed } from './insert.ts';
import { functionTree } from './statements.ts';

/**
 * Edits that take the named flags out of a call's arguments, or out of what is assigned to a variable among them in the
 * same function. Undefined when a flag is found in neither place, or in a way that cannot be edited.
 */
export function withoutFlags(
  source: FixSource,
  call: CallText,
  names: readonly string[],
): Edit[] | undefined {
  const edits = new Map<number, Edit>();
  for (const name of names) {
    const places = mentions(source.file, call, name);
    if (places.length === 0) return undefined;
    for (const place of places) {
      const edit = dropped(source, place, names);
      if (edit === undefined) return undefined;
      edits.set(edit.range.start, edit);
    }
  }
  return [...edits.values()];
}

/** A flags expression with more flags in it. */
export function flagsWith(written: string, names: readonly string[]): string {
  const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(written));
  if (missing.length === 0) return written;
  // Among operators of C only those below | need brackets beside it.
  const simple = !/[?<=]|&&|\|\|/.test(written.replace(/\([^()]*\)|->/g, ''));
  const before = written === '0' ? [] : [simple ? written : `(${written})`];
  return [...before, ...missing].join(' | ');
}

function mentions(file: SourceFile, call: CallText, name: string): Range[] {
  const direct = words(file.code, name, call.range);
  if (direct.length > 0) return direct;
  const variables = call.args
    .map((arg) => file.code.slice(arg.start, arg.end))
    .filter((arg) => /^[A-Za-z_]\w*$/.test(arg));
  const fn = file.functions[file.functionAt(call.range.start)];
  if (fn === undefined || variables.length === 0) return [];
  const assigned = new RegExp(`\\b(?:${variables.join('|')})\\s*\\|?=[^=]`);
  return words(file.code, name, { start: fn.bodyStart, end: fn.end }).filter((place) =>
    assigned.test(file.code.slice(statementStart(file.code, place.start), place.start + 1)),
  );
}

function words(code: string, name: string, within: Range): Range[] {
  const pattern = new RegExp(`\\b${name}\\b`, 'g');
  return [...code.slice(within.start, within.end).matchAll(pattern)].map(({ index }) => ({
    start: within.start + index,
    end: within.start + index + name.length,
  }));
}

function statementStart(code: string, from: number): number {
  let at = from;
  while (at > 0 && !';{}'.includes(code[at - 1]!)) at--;
  return at;
}

/** Rewrites the chain `A | B | C` that a flag stands in. */
function dropped(source: FixSource, place: Range, names: readonly string[]): Edit | undefined {
  const { file } = source;
  const { code } = file;
  let { start, end } = place;
  while (/[\w\s|]/.test(code[start - 1] ?? '')) start--;
  while (/[\w\s|]/.test(code[end] ?? '')) end++;
  const chain = code.slice(start, end);
  if (chain.includes('||') || textOf(file, { start, end }) !== chain) return undefined;
  const operands = chain.split('|').map((operand) => operand.trim());
  const kept = operands.filter((operand) => !names.includes(operand));
  if (operands.length === kept.length) return undefined;
  const blanksBefore = /^\s*/.exec(chain)![0];
  const blanksAfter = /\s*$/.exec(chain)![0];
  // An empty operand at an end stands for a neighbour that is more than a name.
  const neighbours = kept.filter((operand) => operand === '').length;
  if (kept.length > neighbours) {
    const newText = kept.join(' | ').trim();
    return edge(newText, kept, { start, end }, blanksBefore, blanksAfter);
  }
  if (neighbours > 0) return { range: { start, end }, newText: neighbours === 2 ? ' | ' : blanksAfter };
  return (
    removedStatement(source, start, end) ?? {
      range: { start, end },
      newText: `${blanksBefore}0${blanksAfter}`,
    }
  );
}

function edge(newText: string, kept: readonly string[], range: Range, before: string, after: string): Edit {
  const lead = kept[0] === '' ? ' ' : before;
  const tail = kept.at(-1) === '' ? ' ' : after;
  return { range, newText: lead + newText + tail };
}

/**
 * `flags |= FOLL_PIN;` goes with its line, and with an `if` that does nothing else and whose condition only looks.
 */
function removedStatement(source: FixSource, start: number, end: number): Edit | undefined {
  const ft = functionTree(source, start);
  const statement = ft?.statementAt({ start: start + 1, end: start + 1 }) ?? -1;
  if (ft === undefined || statement < 0 || ft.rangeOf(statement).end !== end + 1) return undefined;
  if (!/^\w+\s*\|=\s*\w+\s*;$/.test(ft.code(statement).trim())) return undefined;
  const up = ft.parent(statement);
  if (ft.kind(up) === Kind.compound_statement || ft.kind(up) === Kind.case_statement)
    return removed(ft, statement);
  const isAll = ft.kind(up) === Kind.if_statement && ft.field(up, Field.alternative) < 0;
  const looks = isAll && !/\w\s*\(|\+\+|--|[^!=<>]=[^=]/.test(ft.code(ft.field(up, Field.condition)));
  return looks && ft.kind(ft.parent(up)) === Kind.compound_statement ? removed(ft, up) : undefined;
}
