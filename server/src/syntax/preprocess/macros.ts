/** `#define`: reading macro definitions. */
import type { Range } from '../range.ts';
import type { Directive } from './scan.ts';

export interface MacroDefinition {
  readonly name: string;
  /** Parameter names; absent for an object-like macro. A variadic last parameter is `...` or `name...`. */
  readonly params?: readonly string[];
  /** The replacement text; comments and line continuations are blanks, so offsets in it are offsets in the file. */
  readonly body: string;
  /** Path of the header that has it; absent for a macro of the file itself. Offsets are then of that header. */
  readonly header?: string;
  /** Offset of `body` in the file. */
  readonly bodyStart: number;
  /** The whole directive. */
  readonly range: Range;
}

/** Reads a `#define`; undefined when it has no name. */
export function macroOf(directive: Directive): MacroDefinition | undefined {
  const { rest } = directive;
  const head = /^\s*([A-Za-z_]\w*)(\(([^()]*)\))?/.exec(rest);
  if (head === null) return undefined;
  const [whole, name = '', , params] = head;
  const body = rest.slice(whole.length);
  const definition = {
    name,
    body,
    bodyStart: directive.restStart + whole.length,
    range: { start: directive.start, end: directive.end },
  };
  return params === undefined ? definition : { ...definition, params: splitParams(params) };
}

function splitParams(params: string): string[] {
  return params
    .split(',')
    .map((param) => param.replace(/\s+/g, ''))
    .filter((param) => param !== '');
}
