/** Other names, types and places of declarations. */
import { Field, Kind } from '#server/syntax/kinds.ts';
import { type FunctionCode, renamed } from './code.ts';
import { expressionOf, isAssignment } from './expressions.ts';
import type { Rewrite, RewrittenFile } from './rewriter.ts';

const ACQUIRE = /^(get|pin)_user_pages\w*$|^iov_iter_(get|extract)_pages\w*$/;

/** Names in the bodies of the file's macros: what these mean depends on where they are used. */
function macroWords(file: RewrittenFile): Set<string> {
  const bodies = file.source.text.match(/^[ \t]*#[ \t]*define(.*\\\n)*.*$/gm) ?? [];
  return new Set(bodies.flatMap((body) => body.match(/[A-Za-z_]\w*/g) ?? []));
}

/** Offset where a directive allows a function to stand: outside of every #if. */
function isUnconditional(text: string, at: number): boolean {
  let depth = 0;
  for (const [line] of text.slice(0, at).matchAll(/^[ \t]*#[ \t]*(if|endif)/gm))
    depth += line.includes('endif') ? -1 : 1;
  return depth === 0;
}

export const NAMES: readonly Rewrite[] = [
  {
    kind: 'locals renamed',
    hook: () => undefined,
    finish(text, code, file) {
      const fixed = macroWords(file);
      const to = new Map<string, string>();
      for (const name of code.locals.keys())
        if (!fixed.has(name) && file.take(code)) to.set(name, file.fresh('v'));
      return renamed(text, (name) => to.get(name));
    },
  },
  {
    kind: 'static functions renamed',
    hook: () => undefined,
    file(text, file) {
      const fixed = macroWords(file);
      const to = new Map<string, string>();
      for (const code of file.functions) {
        if (!code.isStatic || fixed.has(code.name) || !file.take(code)) continue;
        const name = file.fresh('f');
        file.homes.set(name, code.name);
        to.set(code.name, name);
      }
      return renamed(text, (name) => to.get(name));
    },
  },
  {
    kind: 'labels renamed',
    hook: (code, file) => {
      const to = new Map<string, string>();
      return (n) => {
        if (!code.is(n, Kind.statement_identifier)) return undefined;
        const name = code.text(n);
        if (!to.has(name)) to.set(name, file.take(code) ? file.fresh('l') : name);
        return to.get(name);
      };
    },
  },
  {
    kind: 'result as long',
    hook: (code, file) => resultType(code, file, 'int', 'long'),
    mayChange: /GUP402/,
  },
  {
    kind: 'result as int',
    hook: (code, file) => resultType(code, file, 'long', 'int'),
    mayChange: /GUP402/,
  },
  {
    kind: 'unsigned as unsigned int',
    hook: (code, file) => (n) =>
      code.tree.field[n] === Field.type && code.text(n) === 'unsigned int' && file.take(code)
        ? 'unsigned'
        : undefined,
  },
  {
    kind: 'parameters in locals',
    hook: (code, file) => {
      const params = [...code.locals.values()].filter(
        (p) => p.isParam && p.isPlain && !p.isArray && p.base !== '',
      );
      const to = new Map<string, string>();
      for (const { name } of params) if (file.take(code)) to.set(name, file.fresh('arg'));
      if (to.size === 0) return undefined;
      const lines = params.flatMap(({ name, base, stars }) => {
        const arg = to.get(name);
        return arg === undefined ? [] : [`\t${base} ${'*'.repeat(stars)}${name} = ${arg};\n`];
      });
      return (n, writer) => {
        if (n === code.body) return `{\n${lines.join('')}${writer.copy(n).slice(1)}`;
        const isName = code.is(n, Kind.identifier) && code.tree.field[n] === Field.declarator;
        let at = code.tree.parent[n]!;
        while (isName && code.is(at, Kind.pointer_declarator)) at = code.tree.parent[at]!;
        return isName && code.is(at, Kind.parameter_declaration) ? to.get(code.text(n)) : undefined;
      };
    },
  },
  {
    kind: 'function at the end',
    hook: (code, file) => {
      const { text } = file.source;
      const isMovable = code.isStatic && code.isWhole(code.definition) && isUnconditional(text, code.start);
      return isMovable && file.take(code) ? () => undefined : undefined;
    },
    finish(text, code, file) {
      const { source } = file;
      if (!file.touched.has(code.name) || !code.isStatic || !isUnconditional(source.text, code.start))
        return text;
      if (!code.isWhole(code.definition)) return text;
      const head = source.code.slice(code.tree.start[code.definition], code.tree.start[code.body]).trim();
      file.addAfter(text);
      return `${head};`;
    },
  },
  {
    kind: 'static function inline',
    hook: () => undefined,
    finish: (text, code, file) =>
      code.isStatic && /^static\s+(?!(__always_)?(inline|noinline)\b)/.test(text) && file.take(code)
        ? text.replace(/^static\s+/, 'static inline ')
        : text,
  },
];

/** Gives the variables that receive the results of acquires another type. */
function resultType(code: FunctionCode, file: RewrittenFile, from: string, to: string) {
  const wanted = new Set<string>();
  for (const n of code.below(code.body)) {
    const e = expressionOf(code, n);
    if (isAssignment(code, e) && ACQUIRE.test(code.callee(code.child(e, Field.right)) ?? ''))
      wanted.add(code.text(code.child(e, Field.left)));
  }
  const isOf = (declaration: number): boolean => {
    const names = code.children(declaration).filter((c) => code.tree.field[c] === Field.declarator);
    const declared = names.map((d) => code.text(d).replace(/\s*=[\s\S]*$/, ''));
    return declared.some((name) => wanted.has(name) && !new RegExp(`&${name}\\b`).test(code.text(code.body)));
  };
  return (n: number): string | undefined => {
    const isType = code.tree.field[n] === Field.type && code.text(n) === from;
    const declaration = code.tree.parent[n]!;
    const others = code.text(declaration);
    if (!isType || !code.is(declaration, Kind.declaration) || !isOf(declaration)) return undefined;
    // What else is declared there may be handed on by address.
    const names = [...others.matchAll(/\w+/g)].map(([name]) => name);
    if (names.some((name) => code.text(code.body).includes(`&${name}`))) return undefined;
    return file.take(code) ? to : undefined;
  };
}
