/**
 * One race, printed as JSON: `one.ts MODEL GET|PIN PAGES on|off`, the last being reduction. In a process of its own, the
 * engine's code is compiled for this scenario alone, as SPIN's is.
 */
import { race, type Variant } from './race.ts';

const [model, variant, pages, reduction] = process.argv.slice(2);
console.log(JSON.stringify(race(model!, variant as Variant, Number(pages), reduction === 'on')));
