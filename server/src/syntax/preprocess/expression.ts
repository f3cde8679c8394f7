/** Evaluates `#if` expressions with three answers: true, false, undecided. */

/** A value of a `#if` expression: a number; `some`, a number that is not known but not zero; or not known at all. */
export type Value = number | 'some' | 'unknown';

/** What the evaluator has to be told about names. */
export interface Names {
  /** Whether `defined(name)` holds; undefined where nothing decides it. */
  isDefined(name: string): boolean | undefined;
  /** The value of a name that stands alone. */
  valueOf(name: string): Value;
  /** The value of `name(arguments)`; arguments that are plain names are passed as text too. */
  call(name: string, values: readonly Value[], texts: readonly string[]): Value;
}

/** The truth of a value; undefined where it is not known. */
export function truth(value: Value): boolean | undefined {
  return value === 'unknown' ? undefined : value !== 0;
}

const TOKEN =
  /\s*(?:(0[xX][\da-fA-F]+|\d+)[uUlL]*|([A-Za-z_]\w*)|('(?:[^'\\]|\\.)+')|("(?:[^"\\]|\\.)*"|<[\w./-]+>(?=\s*\)))|(\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>!~&|^?:(),])|(\S))/y;

/** Binding strength of binary operators. */
const STRENGTH: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

/** Expressions nested deeper than this are given up as unknown, so that no text can exhaust the stack. */
const MAX_DEPTH = 200;

/** Evaluates the text of a `#if` or `#elif`. Total: what cannot be read is unknown. */
export function evaluate(text: string, names: Names): Value {
  return new Evaluator(tokensOf(text), names).run();
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    tokens.push(match[1] ?? match[0].trim());
  }
  return tokens;
}

class Evaluator {
  readonly #tokens: readonly string[];
  readonly #names: Names;
  #at = 0;
  #depth = 0;
  #broken = false;

  constructor(tokens: readonly string[], names: Names) {
    this.#tokens = tokens;
    this.#names = names;
  }

  run(): Value {
    const value = this.#conditional();
    return this.#broken || this.#at < this.#tokens.length ? 'unknown' : value;
  }

  #conditional(): Value {
    if (++this.#depth > MAX_DEPTH) return this.#fail();
    const condition = this.#binary(1);
    let value = condition;
    if (this.#take('?')) {
      const yes = this.#conditional();
      this.#need(':');
      const no = this.#conditional();
      const holds = truth(condition);
      value = holds === undefined ? (yes === no ? yes : 'unknown') : holds ? yes : no;
    }
    this.#depth--;
    return value;
  }

  #binary(weakest: number): Value {
    let left = this.#unary();
    for (;;) {
      const operator = this.#tokens[this.#at] ?? '';
      const strength = STRENGTH[operator];
      if (strength === undefined || strength < weakest) return left;
      this.#at++;
      left = combine(operator, left, this.#binary(strength + 1));
    }
  }

  #unary(): Value {
    if (++this.#depth > MAX_DEPTH) return this.#fail();
    const value = this.#unaryAt();
    this.#depth--;
    return value;
  }

  #unaryAt(): Value {
    const token = this.#tokens[this.#at++];
    if (token === undefined) return this.#fail();
    switch (token) {
      case '!': {
        const holds = truth(this.#unary());
        return holds === undefined ? 'unknown' : holds ? 0 : 1;
      }
      case '-':
      case '+':
      case '~':
        return sign(token, this.#unary());
      case '(': {
        const value = this.#conditional();
        this.#need(')');
        return value;
      }
      case 'defined':
        return this.#defined();
    }
    if (/^\d/.test(token)) return Number(/^0\d/.test(token) ? `0o${token.slice(1)}` : token);
    if (token[0] === "'") return token.length === 3 ? token.charCodeAt(1) : 'unknown';
    if (!/^[A-Za-z_]/.test(token)) return this.#fail();
    return this.#take('(') ? this.#call(token) : this.#names.valueOf(token);
  }

  #defined(): Value {
    const bracketed = this.#take('(');
    const name = this.#tokens[this.#at++] ?? '';
    if (bracketed) this.#need(')');
    const defined = this.#names.isDefined(name);
    return defined === undefined ? 'unknown' : defined ? 1 : 0;
  }

  /** The opening bracket is read. */
  #call(name: string): Value {
    const values: Value[] = [];
    const texts: string[] = [];
    while (!this.#broken && !this.#take(')')) {
      const from = this.#at;
      const literal = /^["<]/.test(this.#tokens[from] ?? '');
      if (literal) this.#at++;
      values.push(literal ? 'unknown' : this.#conditional());
      texts.push(this.#tokens.slice(from, this.#at).join(' '));
      if (this.#tokens[this.#at] !== ')') this.#need(',');
    }
    return this.#names.call(name, values, texts);
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #need(token: string): void {
    if (!this.#take(token)) this.#fail();
  }

  #fail(): Value {
    this.#broken = true;
    this.#at = this.#tokens.length;
    return 'unknown';
  }
}

function sign(operator: '-' | '+' | '~', value: Value): Value {
  if (typeof value !== 'number') return operator === '~' ? 'unknown' : value;
  return operator === '-' ? -value : operator === '~' ? ~value : value;
}

function combine(operator: string, left: Value, right: Value): Value {
  if (operator === '&&' || operator === '||') {
    const decisive = operator === '||';
    const a = truth(left);
    const b = truth(right);
    if (a === decisive || b === decisive) return decisive ? 1 : 0;
    return a === undefined || b === undefined ? 'unknown' : decisive ? 0 : 1;
  }
  if (typeof left !== 'number' || typeof right !== 'number') return partlyKnown(operator, left, right);
  switch (operator) {
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '&':
      return left & right;
    case '==':
      return Number(left === right);
    case '!=':
      return Number(left !== right);
    case '<':
      return Number(left < right);
    case '>':
      return Number(left > right);
    case '<=':
      return Number(left <= right);
    case '>=':
      return Number(left >= right);
    case '<<':
      return left * 2 ** right;
    case '>>':
      return Math.floor(left / 2 ** right);
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0 ? 'unknown' : Math.trunc(left / right);
    default:
      return right === 0 ? 'unknown' : left % right;
  }
}

/** A number that is not zero still differs from zero. */
function partlyKnown(operator: string, left: Value, right: Value): Value {
  const comparesToZero = (left === 'some' && right === 0) || (left === 0 && right === 'some');
  if (comparesToZero && operator === '==') return 0;
  if (comparesToZero && operator === '!=') return 1;
  return 'unknown';
}
