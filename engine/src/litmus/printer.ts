/** Writes a litmus test as text: parsing it again gives the same test. */
import { ERRNO } from '../model/constants.ts';
import type { Argument, Buffer, Expression, LitmusTest, Section, Statement } from './ast.ts';

/** The test's text, with its comments. */
export function printLitmus(test: LitmusTest): string {
  const parts = [`C ${test.name}`];
  if (test.comments.length > 0) parts.push(test.comments.map((comment) => block(comment, '')).join('\n'));
  parts.push(`{\n  ${bufferText(test.buffer)}\n}`);
  for (const section of test.sections) parts.push(sectionText(section));
  const expectation = test.expectation === undefined ? '' : `\nexpect ${test.expectation}`;
  const remarks = test.remarks.map((comment) => `${block(comment, '')}\n`).join('');
  parts.push(`${remarks}${test.quantifier} (${expressionText(test.condition, 0)})${expectation}`);
  return `${parts.join('\n\n')}\n`;
}

function block(comment: string, indent: string): string {
  const lines = comment.split('\n');
  if (lines.length === 1) return `${indent}(* ${comment} *)`;
  return [`${indent}(*`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} *)`].join('\n');
}

function bufferText(buffer: Buffer): string {
  const words = [`${buffer.name} = ${buffer.kind}[${buffer.pages}]`];
  if (buffer.mapped !== undefined) words.push(`mapped ${buffer.mapped}`);
  if (buffer.readonly) words.push('readonly');
  if (buffer.zone !== undefined) words.push(`in ${buffer.zone}`);
  if (buffer.killed === true) words.push('killed');
  if (buffer.stable === true) words.push('stable');
  return `${words.join(' ')};`;
}

function sectionText(section: Section): string {
  const head = section.task === undefined ? section.role : `${section.role}(${section.task})`;
  const comments = section.comments.map((comment) => `${block(comment, '')}\n`).join('');
  const body = section.statements.map((s) => statementText(s, '  ')).join('');
  return `${comments}${head}\n{\n${body}}`;
}

function statementText(statement: Statement, indent: string): string {
  const comments = statement.comments.map((comment) => `${block(comment, indent)}\n`).join('');
  const label = statement.label === undefined ? '' : `${statement.label}:\n`;
  return `${comments}${label}${unlabelled(statement, indent)}`;
}

function unlabelled(statement: Statement, indent: string): string {
  const call = `${statement.call}(${statement.args.map(argumentText).join(', ')})`;
  if (statement.call === 'goto') return `${indent}goto ${statement.args.map(argumentText).join('')};\n`;
  if (statement.body !== undefined) {
    const body = statement.body.map((s) => statementText(s, `${indent}  `)).join('');
    return `${indent}if (${statement.negated === true ? '!' : ''}${call})\n${indent}{\n${body}${indent}}\n`;
  }
  const target = statement.target === undefined ? '' : `${statement.target} = `;
  const times = statement.times === undefined ? '' : ` * ${statement.times}`;
  return `${indent}${target}${call}${times};\n`;
}

export function argumentText(argument: Argument): string {
  switch (argument.kind) {
    case 'number':
      return String(argument.value);
    case 'words':
      return argument.words.join(' | ');
    case 'comparison':
      return `${argument.name} == ${numberText(argument.value)}`;
    case 'array':
      if (argument.offset !== undefined) return `${argument.name} + ${argument.offset}`;
      if (argument.from === argument.to) return `${argument.name}[${argument.from}]`;
      return `${argument.name}[${argument.from}..${argument.to}]`;
  }
}

/** Negative numbers by the name of the error, where they have one. */
function numberText(value: number): string {
  if (value >= 0) return String(value);
  const name = Object.entries(ERRNO).find(([, errno]) => errno === -value)?.[0];
  return name === undefined ? String(value) : `-${name}`;
}

const BINDING = { or: 1, and: 2, not: 3, atom: 4 } as const;

/** An expression, in parentheses where it binds less than its surroundings. */
export function expressionText(expression: Expression, around: number): string {
  const inner = innerText(expression);
  return BINDING[expression.kind] < around ? `(${inner})` : inner;
}

function innerText(expression: Expression): string {
  switch (expression.kind) {
    case 'or':
      return `${expressionText(expression.left, 1)} \\/ ${expressionText(expression.right, 2)}`;
    case 'and':
      return `${expressionText(expression.left, 2)} /\\ ${expressionText(expression.right, 3)}`;
    case 'not':
      return `~${expressionText(expression.operand, 3)}`;
    case 'atom': {
      const args = expression.args.length === 0 ? '' : `(${expression.args.map(argumentText).join(', ')})`;
      const value =
        expression.operator === undefined
          ? ''
          : ` ${expression.operator} ${numberText(expression.value ?? 0)}`;
      return `${expression.name}${args}${value}`;
    }
  }
}
