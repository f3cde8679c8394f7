/** Reads a litmus test. Grammar: docs/litmus.md. Errors tell the place, what was expected, and the nearest name. */
import { ERRNO } from '../model/constants.ts';
import {
  type Argument,
  type Buffer,
  type Expression,
  LitmusError,
  type LitmusTest,
  OBSERVATIONS,
  type Observation,
  OPERATORS,
  type Operator,
  type Position,
  type Section,
  type Statement,
} from './ast.ts';
import { type Token, tokenize } from './lexer.ts';
import { suggestion } from './suggest.ts';

const KINDS = [
  'anon',
  'thp',
  'hugetlb',
  'file',
  'file-private',
  'shmem',
  'fsdax',
  'zero',
  'kvec',
  'bvec',
] as const;
const ZONES = ['normal', 'movable', 'cma'] as const;
const ROLES = ['driver', 'invalidate', 'task', 'kernel'] as const;
const ATTRIBUTES = ['mapped', 'readonly', 'in', 'killed', 'stable'];
const QUANTIFIERS = ['exists', '~exists', 'forall'] as const;

/** Parses one test. `file` names it in errors. Throws LitmusError. */
export function parseLitmus(text: string, file: string): LitmusTest {
  const parser = new Parser(tokenize(text, file), file);
  const test = parser.test();
  parser.finish(false);
  return test;
}

/** Parses a file of one or more tests, one after another. Throws LitmusError. */
export function parseLitmusFile(text: string, file: string): LitmusTest[] {
  const parser = new Parser(tokenize(text, file), file);
  const tests: LitmusTest[] = [];
  do tests.push(parser.test());
  while (parser.atTest());
  parser.finish(true);
  return tests;
}

class Parser {
  private index = 0;
  private readonly commented = new Set<Token>();
  private readonly tokens: readonly Token[];
  private readonly file: string;

  constructor(tokens: readonly Token[], file: string) {
    this.tokens = tokens;
    this.file = file;
  }

  test(): LitmusTest {
    const first = this.next();
    if (first.text !== 'C') this.fail(first.at, `expected \`C\` and the test's name, found ${quoted(first)}`);
    const name = this.testName();
    const comments = [...this.commentsOf(first), ...this.commentsOf(this.peek())];
    const buffer = this.initial();
    const sections: Section[] = [];
    while (this.peek().kind === 'word' && (ROLES as readonly string[]).includes(this.peek().text))
      sections.push(this.section());
    const remarks = this.commentsOf(this.peek());
    const quantifier = this.quantifier();
    this.mark('(');
    const condition = this.or();
    this.mark(')');
    const expectation = this.expectation();
    return {
      name,
      comments,
      buffer,
      sections,
      remarks,
      quantifier,
      condition,
      ...(expectation === undefined ? {} : { expectation }),
    };
  }

  /** Whether another test starts here. */
  atTest(): boolean {
    return this.peek().text === 'C' && this.peek().kind === 'word';
  }

  /** Demands the end of the file. */
  finish(several: boolean): void {
    this.checkComments();
    const last = this.peek();
    if (last.kind === 'end') return;
    const wanted = several
      ? '`expect`, another test or the end of the file'
      : '`expect` or the end of the file';
    this.fail(last.at, `expected ${wanted}, found ${quoted(last)}`);
  }

  private commentsOf(token: Token): readonly string[] {
    this.commented.add(token);
    return token.comments;
  }

  /** A comment elsewhere would be lost when the test is printed. */
  private checkComments(): void {
    const stray = this.tokens.find((token) => token.comments.length > 0 && !this.commented.has(token));
    if (stray !== undefined)
      this.fail(
        stray.at,
        'expected no comment here: comments stand before a section, a statement or the condition',
      );
  }

  /** A name may hold numbers between hyphens, so it can be several tokens; they stand on one line. */
  private testName(): string {
    const first = this.next();
    if (first.kind !== 'word' && first.kind !== 'number')
      this.fail(first.at, `expected the test's name, found ${quoted(first)}`);
    let name = first.text;
    for (
      let token = this.peek();
      token.at.line === first.at.line && token.text !== '{' && token.kind !== 'end';
      token = this.peek()
    )
      name += this.next().text;
    return name;
  }

  private initial(): Buffer {
    this.mark('{');
    const name = this.word('a name for the buffer');
    this.mark('=');
    const kind = this.oneOf(KINDS, 'a kind of memory');
    this.mark('[');
    const pages = this.count('the number of pages');
    this.mark(']');
    let mapped: number | undefined;
    let zone: Buffer['zone'];
    let readonly = false;
    let killed = false;
    let stable = false;
    for (;;) {
      const token = this.next();
      if (token.text === ';') break;
      if (token.text === 'mapped') mapped = this.count('the number of mapped pages');
      else if (token.text === 'readonly') readonly = true;
      else if (token.text === 'killed') killed = true;
      else if (token.text === 'stable') stable = true;
      else if (token.text === 'in') zone = this.oneOf(ZONES, 'a zone');
      else
        this.fail(
          token.at,
          `expected \`mapped\`, \`readonly\`, \`in\`, \`killed\`, \`stable\` or \`;\`, found ${quoted(token)}${suggestion(token.text, ATTRIBUTES)}`,
        );
    }
    this.mark('}');
    return {
      name: name.text,
      kind,
      pages,
      readonly,
      ...(mapped === undefined ? {} : { mapped }),
      ...(zone === undefined ? {} : { zone }),
      ...(killed ? { killed } : {}),
      ...(stable ? { stable } : {}),
    };
  }

  private section(): Section {
    const head = this.next();
    const comments = this.commentsOf(head);
    const role = head.text as Section['role'];
    let task: string | undefined;
    if (this.peek().text === '(') {
      this.next();
      task = this.word('the name of a process').text;
      this.mark(')');
    }
    this.mark('{');
    const statements: Statement[] = [];
    while (this.peek().text !== '}') statements.push(this.statement());
    this.mark('}');
    return { comments, role, statements, at: head.at, ...(task === undefined ? {} : { task }) };
  }

  private statement(): Statement {
    const first = this.word('a statement or `}`');
    const comments = this.commentsOf(first);
    if (this.peek().text === ':') {
      this.next();
      const labelled = this.statement();
      return { ...labelled, comments: [...comments, ...labelled.comments], label: first.text };
    }
    if (first.text === 'if') return this.branch(first, comments);
    if (first.text === 'goto') {
      const label = this.word('a label');
      this.mark(';');
      const args: Argument[] = [{ kind: 'words', words: [label.text], at: label.at }];
      return { comments, call: first.text, args, at: first.at };
    }
    let call = first;
    let target: string | undefined;
    if (this.peek().text === '=') {
      this.next();
      target = first.text;
      call = this.word('a call');
    }
    const args = this.arguments();
    let times: number | undefined;
    if (this.peek().text === '*') {
      this.next();
      times = this.count('how many times');
    }
    this.mark(';');
    return {
      comments,
      call: call.text,
      args,
      at: call.at,
      ...(target === undefined ? {} : { target }),
      ...(times === undefined ? {} : { times }),
    };
  }

  /** `if (condition(arguments)) { statements }`. */
  private branch(first: Token, comments: readonly string[]): Statement {
    this.mark('(');
    const negated = this.peek().text === '!';
    if (negated) this.next();
    const call = this.word('a condition');
    const args = this.arguments();
    this.mark(')');
    this.mark('{');
    const body: Statement[] = [];
    while (this.peek().text !== '}') body.push(this.statement());
    this.mark('}');
    return { comments, call: call.text, args, at: first.at, body, ...(negated ? { negated } : {}) };
  }

  private arguments(): Argument[] {
    const args: Argument[] = [];
    this.mark('(');
    while (this.peek().text !== ')') {
      if (args.length > 0) this.mark(',');
      args.push(this.argument());
    }
    this.mark(')');
    return args;
  }

  private argument(): Argument {
    const token = this.peek();
    const { at } = token;
    if (token.kind === 'number' || token.text === '-') return { kind: 'number', value: this.number(), at };
    const name = this.word('an argument').text;
    switch (this.peek().text) {
      case '[': {
        this.next();
        const from = this.number();
        let to = from;
        if (this.peek().text === '..') {
          this.next();
          to = this.number();
        }
        this.mark(']');
        return { kind: 'array', name, from, to, at };
      }
      case '+':
        this.next();
        return { kind: 'array', name, offset: this.count('an offset in pages'), at };
      case '==':
        this.next();
        return { kind: 'comparison', name, value: this.number(), at };
      default: {
        const words = [name];
        while (this.peek().text === '|') {
          this.next();
          words.push(this.word('a flag').text);
        }
        return { kind: 'words', words, at };
      }
    }
  }

  private or(): Expression {
    let left = this.and();
    while (this.peek().text === '\\/') {
      this.next();
      left = { kind: 'or', left, right: this.and() };
    }
    return left;
  }
  private and(): Expression {
    let left = this.unary();
    while (this.peek().text === '/\\') {
      this.next();
      left = { kind: 'and', left, right: this.unary() };
    }
    return left;
  }
  private unary(): Expression {
    const token = this.peek();
    if (token.text === '~') {
      this.next();
      return { kind: 'not', operand: this.unary() };
    }
    if (token.text === '(') {
      this.next();
      const inner = this.or();
      this.mark(')');
      return inner;
    }
    const name = this.word('a property, a register or a value of the final state');
    const args = this.peek().text === '(' ? this.arguments() : [];
    if (!(OPERATORS as readonly string[]).includes(this.peek().text))
      return { kind: 'atom', name: name.text, args, at: name.at };
    const operator = this.next().text as Operator;
    return { kind: 'atom', name: name.text, args, operator, value: this.number(), at: name.at };
  }

  private quantifier(): LitmusTest['quantifier'] {
    const token = this.next();
    if (token.text === '~' && this.peek().text === 'exists') {
      this.next();
      return '~exists';
    }
    if (token.text === 'exists' || token.text === 'forall') return token.text;
    return this.fail(
      token.at,
      `expected \`driver\`, \`invalidate\`, \`task\`, \`kernel\`, \`exists\`, \`~exists\` or \`forall\`, found ${quoted(token)}${suggestion(token.text, [...ROLES, ...QUANTIFIERS])}`,
    );
  }

  private expectation(): Observation | undefined {
    if (this.peek().text !== 'expect') return undefined;
    this.next();
    return this.oneOf(OBSERVATIONS, 'an observation');
  }

  /** A number, negative or an error's name included: `-14`, `-EFAULT`. */
  private number(): number {
    let sign = 1;
    if (this.peek().text === '-') {
      this.next();
      sign = -1;
    }
    const token = this.next();
    if (token.kind === 'number') return sign * Number(token.text);
    if (token.kind === 'word') {
      const value = (ERRNO as Readonly<Record<string, number>>)[token.text];
      if (value !== undefined) return sign * value;
    }
    return this.fail(
      token.at,
      `expected a number, found ${quoted(token)}${suggestion(token.text, Object.keys(ERRNO))}`,
    );
  }

  private count(what: string): number {
    const token = this.next();
    if (token.kind !== 'number') this.fail(token.at, `expected ${what}, found ${quoted(token)}`);
    return Number(token.text);
  }

  private word(what: string): Token {
    const token = this.next();
    if (token.kind !== 'word') this.fail(token.at, `expected ${what}, found ${quoted(token)}`);
    return token;
  }

  private oneOf<T extends string>(names: readonly T[], what: string): T {
    const token = this.next();
    const name = names.find((candidate) => candidate === token.text);
    if (name !== undefined) return name;
    return this.fail(
      token.at,
      `expected ${what}, found ${quoted(token)}${suggestion(token.text, names)}: known are ${names.join(', ')}`,
    );
  }

  private mark(text: string): void {
    const token = this.next();
    if (token.text !== text) this.fail(token.at, `expected \`${text}\`, found ${quoted(token)}`);
  }

  private peek(): Token {
    return this.tokens[this.index]!;
  }
  private next(): Token {
    const token = this.tokens[this.index]!;
    if (token.kind !== 'end') this.index++;
    return token;
  }
  private fail(at: Position, message: string): never {
    throw new LitmusError(this.file, at, message);
  }
}

function quoted(token: Token): string {
  return token.kind === 'end' ? token.text : `\`${token.text}\``;
}
