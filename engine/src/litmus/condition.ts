/** Conditions on final states: properties that broke, registers, and what processes see. */

import { DISCARDED, durableContent, seenContent } from '../explore/content.ts';
import { X } from '../explore/layout.ts';
import { type Program, propertyBit } from '../explore/program.ts';
import { PG } from '../model/constants.ts';
import { PROPERTIES, type PropertyName } from '../protocol/trace.ts';
import { type Argument, type Expression, LitmusError, type Operator } from './ast.ts';
import { suggestion } from './suggest.ts';

/** Reads one value of a final state; booleans are 0 and 1. */
export interface Reader {
  /** The atom's text without its comparison: a column of the States list. */
  readonly label: string;
  readonly read: (p: Program) => number;
}

const SEES = 'sees';
const KEEPS = 'keeps';
const TORN = 'torn';

/** Atoms of a condition, each once, in order of appearance. */
export function readersOf(expression: Expression, registers: readonly string[], file: string): Reader[] {
  const readers: Reader[] = [];
  const visit = (e: Expression): void => {
    switch (e.kind) {
      case 'or':
      case 'and':
        visit(e.left);
        visit(e.right);
        return;
      case 'not':
        visit(e.operand);
        return;
      case 'atom': {
        const reader = readerOf(e, registers, file);
        if (!readers.some((known) => known.label === reader.label)) readers.push(reader);
      }
    }
  };
  visit(expression);
  return readers;
}

type Atom = Extract<Expression, { kind: 'atom' }>;

function labelOf(atom: Atom): string {
  if (atom.args.length === 0) return atom.name;
  return `${atom.name}(${atom.args.map(argumentLabel).join(',')})`;
}

function argumentLabel(argument: Argument): string {
  if (argument.kind === 'array') return `${argument.name}[${argument.from ?? argument.offset ?? 0}]`;
  if (argument.kind === 'words') return argument.words.join('|');
  return argument.kind === 'number' ? String(argument.value) : argument.name;
}

function readerOf(atom: Atom, registers: readonly string[], file: string): Reader {
  const label = labelOf(atom);
  const register = registers.indexOf(atom.name);
  if (register >= 0) return { label, read: (p) => p.register(register) };
  if ((PROPERTIES as readonly string[]).includes(atom.name)) {
    const bit = propertyBit(atom.name as PropertyName);
    return { label, read: (p) => ((p.x(X.BROKEN) & bit) !== 0 ? 1 : 0) };
  }
  if (atom.name === SEES || atom.name === KEEPS) return visibility(atom, label, file);
  if (atom.name === TORN) return torn(atom, label, file);
  throw new LitmusError(
    file,
    atom.at,
    `\`${atom.name}\` is no register, property or value${suggestion(atom.name, [...registers, ...PROPERTIES, SEES, KEEPS, TORN])}`,
  );
}

/** `sees(A, p[0], driver)`: a load by the process now; `keeps(…)`: also after the kernel dropped what is clean. */
function visibility(atom: Atom, label: string, file: string): Reader {
  const [who, where, what] = atom.args;
  const fail = (text: string): never => {
    throw new LitmusError(file, atom.at, `${text}: \`${atom.name}(A, p[0], driver)\``);
  };
  if (who?.kind !== 'words' || where?.kind !== 'array' || what?.kind !== 'words')
    return fail('expected a process, a page and a writer');
  const page = where.from ?? where.offset ?? 0;
  const writer = what.words[0]!;
  const known = ['driver', 'device', 'store', 'child', 'old'];
  if (!known.includes(writer.replace(/#\d+$/, '')))
    fail(`\`${writer}\` is no writer${suggestion(writer, known)}`);
  const child = who.words[0] !== 'A';
  return {
    label,
    read: (p) => {
      const proc = child ? 1 : 0;
      if (!p.machine.alive(proc)) return 0;
      const vpage = p.memory.origin + page;
      const shared = ['file', 'shmem', 'fsdax'].includes(p.scenario.memory.kind);
      const content =
        atom.name === SEES
          ? seenContent(p.machine, proc, vpage)
          : durableContent(p.machine, proc, vpage, shared, page);
      if (content === DISCARDED) return 0;
      const names = p.contentNames.map((name, bit) => ((content & (1 << bit)) !== 0 ? name : ''));
      return names.some((name) => name === writer || name.startsWith(`${writer}#`)) ? 1 : 0;
    },
  };
}

/** `torn(p[0])`: the stored block of the page is not what its checksum was computed over. */
function torn(atom: Atom, label: string, file: string): Reader {
  const where = atom.args[0];
  if (where?.kind !== 'array') throw new LitmusError(file, atom.at, 'expected a page: `torn(p[0])`');
  const page = where.from ?? where.offset ?? 0;
  return {
    label,
    read: (p) => {
      const m = p.machine;
      if (p.scenario.slowWriteback !== true || page >= m.fileSize(0)) return 0;
      const frame = m.cached(0, page);
      const ended = frame < 0 || (m.flags(m.head(frame)) & PG.writeback) === 0;
      const covered = p.checksum(page) - 1;
      return ended && covered >= 0 && m.backing(0, page) !== covered ? 1 : 0;
    },
  };
}

/** Whether a final state, given by its values, satisfies the condition. */
export function holds(expression: Expression, values: ReadonlyMap<string, number>): boolean {
  switch (expression.kind) {
    case 'or':
      return holds(expression.left, values) || holds(expression.right, values);
    case 'and':
      return holds(expression.left, values) && holds(expression.right, values);
    case 'not':
      return !holds(expression.operand, values);
    case 'atom':
      return compare(values.get(labelOf(expression)) ?? 0, expression.operator, expression.value ?? 1);
  }
}

function compare(value: number, operator: Operator | undefined, wanted: number): boolean {
  switch (operator) {
    case undefined:
      return value !== 0;
    case '=':
    case '==':
      return value === wanted;
    case '!=':
      return value !== wanted;
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
  }
}
