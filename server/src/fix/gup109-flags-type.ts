import type { Finding } from '../rules/finding.ts';
import { placesOf } from './edits/acquire.ts';
import { callAt, textOf } from './edits/call.ts';
import { changedCall } from './edits/rewrite-call.ts';
import { type Attempts, attempt, type FixSource } from './fix.ts';

/** FOLL_WRITE where the truth value is true: the same number, and what is meant. */
export function fixFlagsType(finding: Finding, source: FixSource): Attempts {
  const { file, kernel } = source;
  const call = callAt(file, finding.site.range.start);
  const places = call && placesOf(call, kernel);
  const range = places && call.args[places.flags];
  if (call === undefined || places === undefined || range === undefined)
    return [{ refusal: 'the call is not written out' }];
  const flags = inFlags(textOf(file, range));
  if (flags === undefined) return [{ refusal: 'it is not known which flags the number stands for' }];
  return [
    attempt(`Pass ${flags}`, 'safe', changedCall(file, call, { args: new Map([[places.flags, flags]]) })),
  ];
}

/** The expression with FOLL_WRITE for each truth value; undefined for a number that is none. */
function inFlags(text: string): string | undefined {
  if (/\/[*/]|=[^=]|\n/.test(text.replace(/[!=<>]=/g, ''))) return undefined;
  const operands = splitAtBar(text);
  if (operands.length > 1) {
    const parts = operands.map((each) => (isFlag(each) ? each : inFlags(each)));
    if (parts.includes(undefined)) return undefined;
    return parts.map((each) => (each!.includes('?') ? `(${each})` : each)).join(' | ');
  }
  const choice = /^(.*?)\s*\?\s*(\w+)\s*:\s*(\w+)$/s.exec(text);
  if (choice !== null) {
    const [yes, no] = [constant(choice[2]!), constant(choice[3]!)];
    return yes === undefined || no === undefined ? undefined : `${choice[1]} ? ${yes} : ${no}`;
  }
  const number = constant(text);
  if (number !== undefined) return number;
  if (/^\d|^\(\s*\w+(?:\s+\w+)*\s*\)\s*\w|\?/.test(text)) return undefined;
  const bare = /^\(([^()]*)\)$/.exec(text)?.[1];
  return `${bare === undefined || /[&|^]/.test(bare) ? text : bare} ? FOLL_WRITE : 0`;
}

function constant(text: string): string | undefined {
  if (text === '1' || text === 'true') return 'FOLL_WRITE';
  if (text === '0' || text === 'false') return '0';
  return isFlag(text) ? text : undefined;
}

function isFlag(text: string): boolean {
  return /^FOLL_\w+$/.test(text);
}

/** Operands of `|` outside brackets; `||` is none. */
function splitAtBar(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    else if (text[at] === '|' && text[at + 1] === '|') at++;
    else if (text[at] === '|' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, text.slice(from).trim()];
}
