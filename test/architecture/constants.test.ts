/** scripts/constants.mjs: the engine's constants as numbers in a bundle. */
import { describe, expect, it } from 'vitest';
import { inlineConstants } from '../../scripts/constants.mjs';

const values = new Map<string, unknown>([
  ['PG', { dirty: 4, table: {} }],
  ['LOG_SIZE', 4096],
]);
const head = "import { LOG_SIZE, PG } from './constants.ts';\n";

describe('constants in a bundle', () => {
  it('become numbers where they are imported', () => {
    expect(inlineConstants(`${head}f(PG.dirty, LOG_SIZE - 1);`, values)).toBe(`${head}f((4), (4096) - 1);`);
    expect(inlineConstants('f(PG.dirty, LOG_SIZE);', values)).toBe('f(PG.dirty, LOG_SIZE);');
  });

  it('stay in texts, in comments, behind a dot, and as whole tables', () => {
    const text = `${head}// PG.dirty\n/* LOG_SIZE */ f('PG.dirty', \`\${PG.dirty}\`, x.PG.dirty, PG, PG.table, PG_dirty);`;
    expect(inlineConstants(text, values)).toBe(text);
  });
});
