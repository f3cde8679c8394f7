/**
 * Pages that a function of one file acquires for its callers, and that a caller in another file of the folder loses. What
 * is to be mended stands there, so the loss is told at the caller's call.
 */
import path from 'node:path';
import { called } from '../../rules/evidence/apis.ts';
import type { Finding } from '../../rules/finding.ts';
import type { Range } from '../../syntax/range.ts';

/** Codes of pages that are lost on a way through one function (GUP303, GUP304). */
const LEAKS: ReadonlySet<string> = new Set(['GUP303', 'GUP304']);

/** What is known of the joined text. */
export interface JoinedText {
  readonly text: string;
  /** Where the first file ends. */
  readonly at: number;
  /** Functions of the first file that the others call. */
  readonly functions: readonly string[];
  /** Path of the first file. */
  readonly path: string;
}

/**
 * The loss at the call of the function that acquires the pages, in the caller that loses them. Undefined where it is none,
 * is a guess, or where the first file itself loses the pages.
 */
export function inCaller(found: Finding, joined: JoinedText): Finding | undefined {
  const { code, certainty, site, related, witness } = found;
  if (!LEAKS.has(code) || certainty === 'possible' || site.range.start >= joined.at) return undefined;
  if (witness?.steps.some(({ step }) => step.op === 'later') !== false) return undefined;
  const [end] = related;
  if (end === undefined || related.some(({ range }) => range.start < joined.at)) return undefined;
  const call = callBefore(end.range.start, joined);
  if (call === undefined) return undefined;
  const origin = `${called(found.api)} is called by ${call.callee}() of ${path.posix.basename(joined.path)}.`;
  return {
    ...found,
    message: `${found.message} ${origin}`,
    range: call.range,
    function: call.caller,
    related: [{ range: site.range, message: 'acquired here' }, ...related],
    wrapper: call.callee,
  };
}

interface Call {
  readonly callee: string;
  readonly caller: string;
  readonly range: Range;
}

/** The last call of one of the functions before an end of the function that they are called in. */
function callBefore(end: number, { text, at, functions }: JoinedText): Call | undefined {
  const open = text.lastIndexOf('\n{', end);
  if (open < at) return undefined;
  const caller = functionAround(end, text, at);
  const body = text.slice(open, end);
  // Who has frame numbers only asks other things of them than whether there is a page.
  if (!HAS_PAGES.test(text.slice(open, text.indexOf('\n', end)))) return undefined;
  const names = [...functions, ...callersOf(functions, text, at)];
  const last = [...body.matchAll(calling(names))].at(-1);
  if (caller === undefined || last === undefined) return undefined;
  const start = open + last.index;
  return { callee: last[1]!, caller, range: { start, end: start + last[1]!.length } };
}

/** Functions behind `at` that call one of some functions, or call one that does: they may hand the pages on. */
function callersOf(functions: readonly string[], text: string, at: number): Set<string> {
  const found = new Set<string>();
  let names = functions;
  for (let up = 0; up < MAX_HOPS && names.length > 0; up++) {
    const calls = [...text.slice(at).matchAll(calling(names))];
    const callers = calls
      .map(({ index }) => functionAround(at + index, text, at))
      .filter((name) => name !== undefined);
    names = [...new Set(callers)].filter((name) => !found.has(name));
    for (const name of names) found.add(name);
  }
  return found;
}

function functionAround(place: number, text: string, at: number): string | undefined {
  const open = text.lastIndexOf('\n{', place);
  if (open < at || text.lastIndexOf('\n}', place) > open) return undefined;
  return HEAD.exec(text.slice(Math.max(at, open - MAX_HEAD), open))?.[1];
}

function calling(names: readonly string[]): RegExp {
  return new RegExp(`\\b(${names.join('|')})\\s*\\(`, 'g');
}

/** Through how many functions of the other files pages are followed to the one that loses them. */
const MAX_HOPS = 3;

/** What tells that a function has pages themselves: their type, or a member that is called after them. */
const HAS_PAGES = /\bstruct\s+(?:page|folio)\b|(?:->|\.)\s*\w*(?:pages?|folios?)\b/;

/** The name before the parameters at the end of a text. */
const HEAD = /(\w+)\s*\([^(){};]*(?:\([^(){};]*\)[^(){};]*)*\)\s*$/;

/** Characters of a function's head that are looked at. */
const MAX_HEAD = 1_000;
