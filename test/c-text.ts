/** C text in the kernel's style, put together from lines: what generators of programs share. */

export type Lines = readonly string[];

export function indented(lines: Lines): string[] {
  return lines.map((line) => (line === '' ? '' : `\t${line}`));
}

/** A head with its body, which has braces where it is more than one line; nothing where there is no body. */
export function block(head: string, body: Lines): string[] {
  if (body.length === 0) return [];
  return body.length === 1 ? [head, ...indented(body)] : [`${head} {`, ...indented(body), '}'];
}

/** A loop over `i` from 0 to `bound`; nothing where there is no body. */
export function loop(bound: string, body: Lines): string[] {
  return block(`for (i = 0; i < ${bound}; i++)`, body);
}

/** A function of a head and the lines of its body, whose labels stand at the margin. */
export function functionText(head: string, body: Lines): string {
  const lines = body.map((line) => (line === '' || /^\w+:$/.test(line) ? line : `\t${line}`));
  return `${head}\n{\n${lines.join('\n')}\n}\n`;
}
