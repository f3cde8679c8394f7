/** Functions that reach others through calls in a file. */
import type { SourceFile } from '../../syntax/source.ts';
import { effectsOf } from '../kernel/effects.ts';
import type { CallTable } from './call-table.ts';

/** Functions for which `direct` holds, and those that call such a one, to a fixpoint; `among` leaves out others. */
export function closure(
  table: CallTable,
  direct: (index: number) => boolean,
  among: (name: string) => boolean = () => true,
): Set<string> {
  const found = new Set<string>();
  for (const [name, index] of table.indexOf) if (among(name) && direct(index)) found.add(name);
  for (const each of found) for (const caller of table.callersOf(each)) if (among(caller)) found.add(caller);
  return found;
}

/** Functions for which `direct` holds, and all that call them, directly or not. */
export function callersOf(table: CallTable, direct: (index: number) => boolean): Set<string> {
  const found = new Set<string>();
  for (const [name, index] of table.indexOf) if (direct(index)) found.add(name);
  for (const each of found) for (const caller of table.callersOf(each)) found.add(caller);
  return found;
}

/**
 * The functions from which a static function is called, through other static ones; none where it is not static, or where
 * the file takes its address.
 */
export function staticCallers({ functions }: SourceFile, table: CallTable, name: string): string[] {
  const found = new Set([name]);
  const tops: string[] = [];
  for (const each of found) {
    const { isStatic = false } = functions[table.indexOf.get(each)!] ?? {};
    const callers = [...table.callersOf(each)].filter((fn) => fn !== each);
    if (!isStatic || callers.length === 0 || isTaken(table, each)) tops.push(each);
    else for (const caller of callers) found.add(caller);
  }
  return tops.filter((fn) => fn !== name);
}

/** A function that others than its callers may call, with whatever they ask for. */
export function isCallback(table: CallTable, name: string): boolean {
  return /ioctl|cmd|command|dispatch/.test(name) || isTaken(table, name);
}

/** Whether the file mentions a function other than by calling it. */
export function isTaken(table: CallTable, name: string): boolean {
  let names = taken.get(table);
  if (names === undefined) {
    names = takenIn(table);
    taken.set(table, names);
  }
  return names.has(name);
}

/** Functions that a file mentions other than by calling them. */
const taken = new WeakMap<CallTable, ReadonlySet<string>>();

function takenIn({ inOrder, names, indexOf }: CallTable): Set<string> {
  const found = new Set<string>();
  for (const { piece } of inOrder) {
    const here = piece.asked(
      'taken',
      () => names,
      (ask) => {
        ask('names');
        const words = [...piece.code.matchAll(/\b[A-Za-z_]\w*\b(?!\s*\()/g)].map(([word]) => word);
        // A label may have the name of the function that is called there.
        const labels = new Set([...piece.code.matchAll(/\bgoto\s+(\w+)/g)].map(([, label]) => label!));
        return [...new Set(words)].filter((word) => indexOf.has(word) && !labels.has(word));
      },
    );
    for (const name of here) found.add(name);
  }
  return found;
}

/** Words that stand before a bracket and are no calls. */
const KEYWORD = /^(?:if|for|while|switch|return|sizeof|typeof|likely|unlikely|[A-Z][A-Z0-9_]*)$/;

/** Whether neither a function of the file nor what it calls can keep, use or release pages that it is given. */
export function isInert(table: CallTable, name: string, within: ReadonlySet<string> = new Set()): boolean {
  if (within.has(name)) return true;
  const index = table.indexOf.get(name);
  if (index === undefined) return effectsOf(name)?.length === 0;
  const deeper = new Set([...within, name]);
  return [...table.callees[index]!].every((c) => KEYWORD.test(c) || isInert(table, c, deeper));
}
