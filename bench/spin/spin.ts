/**
 * explore() against SPIN, by itself: `node scripts/run.mjs bench/spin/spin.ts`. Three and four pages, then three with
 * both reductions on.
 */
import path from 'node:path';
import { table } from '../measure.ts';
import { spinRows } from './rows.ts';

const model = path.join(process.cwd(), 'bench/spin/case5.pml');
console.log(table([...spinRows(model), ...spinRows(model, [3], [true])]));
