/**
 * Reads one configuration file: JSON with comments, held against schema.ts. Loaded only when there is a
 * configuration, since the validator is large.
 */
import Ajv, { type ErrorObject } from 'ajv';
import {
  findNodeAtLocation,
  getNodeValue,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { RULES } from '../../rules/index.ts';
import { LineIndex } from '../../syntax/lines.ts';
import { parseKernelVersion } from '../../syntax/preprocess/version.ts';
import type { InputProblem } from '../input/discover.ts';
import type { Config } from './config.ts';
import { type FunctionRow, objectionTo } from './functions.ts';
import { schema } from './schema.ts';

const validate = new Ajv({ allErrors: true, verbose: true }).compile(schema);

interface Complaint {
  readonly path: readonly (string | number)[];
  readonly what: string;
  readonly cure: string;
}

/** The configuration in a text, or what is wrong with it: one problem, with its line. `shown` is how users know the file. */
export function loadConfig(text: string, shown: string): Config | InputProblem {
  const lines = new LineIndex(text);
  const at = (offset: number): string => {
    const { line, column } = lines.placeOf(offset);
    return `${shown}:${line}:${column}`;
  };
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [broken] = errors;
  if (broken !== undefined || tree === undefined) {
    const what =
      broken === undefined ? 'is empty' : `is no JSON: ${spaced(printParseErrorCode(broken.error))}`;
    return { place: at(broken?.offset ?? 0), what, cure: 'mend it, or delete the file' };
  }
  const value = getNodeValue(tree) as unknown;
  const complaint = complaintAbout(value);
  if (complaint !== undefined) {
    const node = findNodeAtLocation(tree, [...complaint.path]);
    // The key says more than the value where a key is meant.
    const offset = node?.parent?.type === 'property' ? node.parent.offset : (node?.offset ?? tree.offset);
    return { place: at(offset), what: complaint.what, cure: complaint.cure };
  }
  const { kernel, rules = {}, exclude = [], functions = {} } = value as Raw;
  const release = kernel === undefined ? undefined : parseKernelVersion(kernel);
  return {
    ...(release !== undefined && { kernel: release }),
    rules,
    exclude,
    functions: new Map(Object.entries(functions)),
  };
}

interface Raw {
  readonly kernel?: string;
  readonly rules?: Config['rules'];
  readonly exclude?: readonly string[];
  readonly functions?: Readonly<Record<string, FunctionRow>>;
}

function spaced(code: string): string {
  return code.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

function complaintAbout(value: unknown): Complaint | undefined {
  if (!validate(value)) return explain(mostTelling(validate.errors ?? []));
  const { rules = {}, functions = {} } = value as Raw;
  const codes = RULES.map(({ code }) => code);
  for (const code of Object.keys(rules)) {
    if (!codes.includes(code))
      return { path: ['rules', code], what: `there is no rule ${code}`, cure: nearest(code, codes) };
  }
  for (const [name, row] of Object.entries(functions)) {
    const objection = objectionTo(row);
    if (objection === undefined) continue;
    const { key, what, cure } = objection;
    const path = key in row ? ['functions', name, key] : ['functions', name];
    return { path, what: `${name}: ${what}`, cure };
  }
  return undefined;
}

/** Of several errors, one that is not only the sum of others. */
function mostTelling(errors: readonly ErrorObject[]): ErrorObject {
  return (
    errors.find(({ keyword }) => keyword === 'additionalProperties') ??
    errors.find(({ keyword }) => keyword === 'oneOf') ??
    errors[0]!
  );
}

function explain({
  keyword,
  instancePath,
  params,
  parentSchema,
  schema: expected,
  data,
}: ErrorObject): Complaint {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const key = path.length === 0 ? 'the configuration' : path.join('.');
  const shown = JSON.stringify(data);
  switch (keyword) {
    case 'additionalProperties': {
      const { additionalProperty: name } = params as { additionalProperty: string };
      const within = path.length === 0 ? '' : `${key}: `;
      const known = Object.keys((parentSchema?.properties ?? {}) as object);
      const cure =
        known.length > 0
          ? nearest(name, known)
          : key === 'rules'
            ? 'give a code such as GUP201'
            : 'give the name of a C function';
      return { path: [...path, name], what: `${within}there is no ${JSON.stringify(name)}`, cure };
    }
    case 'enum':
    case 'const': {
      const values = (keyword === 'enum' ? expected : [expected]) as readonly unknown[];
      const names = values.map(String);
      const cure = typeof data === 'string' ? nearest(data, names) : `give ${names.join(', ')}`;
      return { path, what: `${key} is ${shown}`, cure };
    }
    case 'pattern':
      return {
        path,
        what: `${key} is ${shown}`,
        cure: /\\d/.test(String(expected))
          ? 'give a release such as "6.12"'
          : 'give flags such as "FOLL_WRITE | FOLL_LONGTERM"',
      };
    case 'required':
      return {
        path,
        what: `${key} lacks ${(params as { missingProperty: string }).missingProperty}`,
        cure: 'add it',
      };
    case 'oneOf':
      return {
        path,
        what: `${key} is ${shown}`,
        cure: key.endsWith('.flags')
          ? 'give the position of the argument, or flags such as "FOLL_WRITE | FOLL_LONGTERM"'
          : 'give true, or the position of the argument',
      };
    case 'minProperties':
      return {
        path,
        what: `${key} says nothing`,
        cure: 'say what it does, for instance acquires or releases',
      };
    case 'minimum':
    case 'maximum':
      return { path, what: `${key} is ${shown}`, cure: 'give the position of an argument, from 0' };
    case 'type':
      return { path, what: `${key} is ${shown}`, cure: `give ${article((params as { type: string }).type)}` };
    default:
      return { path, what: `${key} is ${shown}`, cure: 'see docs/configuration.md' };
  }
}

function article(type: string): string {
  return `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type}`;
}

/** A cure for a name that is not known: the one that was meant, else all of them. */
function nearest(name: string, known: readonly string[]): string {
  const ranked = known
    .map((each) => ({ each, away: distance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  const [best] = ranked;
  if (best !== undefined && best.away <= Math.max(1, Math.floor(name.length / 3)))
    return `did you mean ${best.each}?`;
  return `give ${known.length > 12 ? 'one of those that "gupcheck rules" lists' : known.join(', ')}`;
}

/** Edit distance (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
