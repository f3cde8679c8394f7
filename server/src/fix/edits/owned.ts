/** Calls on the pages that an acquire fills, found by the names under which the file's code reaches them. */
import type { Range } from '../../syntax/range.ts';
import type { SourceFile } from '../../syntax/source.ts';
import type { FixSource } from '../fix.ts';
import { destinationOf } from './acquire.ts';
import { type CallText, callsOf } from './call.ts';

/** Where to look for a name: a local in its function, a field in the whole file. */
interface Handle {
  readonly mention: RegExp;
  readonly within: Range;
}

/**
 * Calls of the given functions whose argument (the first, unless `argument` says otherwise) is, or holds, what an
 * acquiring call fills: the local, the field, a field that the local is stored in, or a local that one of the pages is
 * taken out into.
 */
export function callsOnPages(
  source: FixSource,
  acquire: CallText,
  names: ReadonlySet<string>,
  argument: (call: CallText) => Range | undefined = ({ args }) => args[0],
): CallText[] {
  const { file } = source;
  const found = new Map<number, CallText>();
  for (const { mention, within } of handlesOf(source, acquire)) {
    for (const call of callsOf(file, names, within)) {
      const arg = argument(call);
      const text = arg === undefined ? undefined : file.code.slice(arg.start, arg.end);
      if (text === undefined) continue;
      if (mention.test(text) || isAlias(file, call, text, mention)) found.set(call.range.start, call);
    }
  }
  return [...found.values()].sort((a, b) => a.range.start - b.range.start);
}

/** Whether the pages are kept in a field, so that other functions reach them. */
export function isKept(source: FixSource, acquire: CallText): boolean {
  return handlesOf(source, acquire).some(({ within }) => within.start === 0);
}

function handlesOf(source: FixSource, acquire: CallText): Handle[] {
  const { file } = source;
  const destination = destinationOf(source, acquire);
  const fn = file.functions[file.functionAt(acquire.range.start)];
  if (destination === undefined || fn === undefined) return [];
  const everywhere = { start: 0, end: file.code.length };
  const field = (name: string): Handle => ({
    mention: new RegExp(`(?:->|\\.)\\s*${name}\\b`),
    within: everywhere,
  });
  if (destination.field) return [field(destination.name)];
  const local: Handle = {
    mention: new RegExp(`(?<![\\w.]|->)\\s*\\b${destination.name}\\b`),
    within: { start: fn.bodyStart, end: fn.end },
  };
  const stored = new RegExp(`(?:->|\\.)\\s*(\\w+)(?:\\[[^\\]]*\\])?\\s*=\\s*${destination.name}\\s*;`, 'g');
  const fields = [...file.code.slice(fn.bodyStart, fn.end).matchAll(stored)].map((match) => match[1]!);
  return [local, ...new Set(fields)].map((each) => (typeof each === 'string' ? field(each) : each));
}

/** A local that holds one of the pages: every assignment to it in its function is `page = pages[i]`. */
function isAlias(file: SourceFile, call: CallText, text: string, mention: RegExp): boolean {
  if (!/^[A-Za-z_]\w*$/.test(text)) return false;
  const fn = file.functions[file.functionAt(call.range.start)];
  if (fn === undefined) return false;
  const body = file.code.slice(fn.bodyStart, fn.end);
  const assigned = [...body.matchAll(new RegExp(`\\b${text}\\s*=(?!=)([^;]*);`, 'g'))];
  return assigned.length > 0 && assigned.every((match) => mention.test(match[1]!) && match[1]!.includes('['));
}
