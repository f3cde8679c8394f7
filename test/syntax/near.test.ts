/** A version of a file is read faster with the one before at hand, and does not keep it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { openSource, type SourceFile } from '#server/syntax/source.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const OPTIONS = {
  kernelVersion: { major: 6, minor: 12, patch: 0 },
  means: (word: string) => word === 'put_page',
};

function openTwo(): { first: WeakRef<SourceFile>; second: SourceFile } {
  const text = '#define DROP(p) put_page(p)\nint f(struct page *p)\n{\n\tDROP(p);\n}\n';
  const first = openSource('a.c', text, OPTIONS);
  const second = openSource('a.c', `${text}\nint g;\n`, { ...OPTIONS, near: first });
  return { first: new WeakRef(first), second };
}

it('lets the version before go', async () => {
  const { first, second } = openTwo();
  await new Promise((resume) => setTimeout(resume, 0));
  gc();
  expect(first.deref()).toBeUndefined();
  expect(second.functions.map(({ name }) => name)).toEqual(['f']);
});
