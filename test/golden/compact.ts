/** Writes the compact form of recordings: `node scripts/run.mjs test/golden/compact.ts FROM TO`. See data/README.md. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULTS, History, INHERITED, type Json, parseLine } from './recording.ts';

/** Fields that replay does not look at. */
const UNUSED = new Set(['boot', 'scn', 'retName', 'gupFlagNames', 'warnText', 'type']);

/** The same steps, without what a reader can fill in from the steps before. */
function compactLines(text: string): string {
  const out: string[] = [];
  let history = new History();
  let name: unknown;
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const json = parseLine(line, i + 1);
    const title = json.scn === name ? {} : { boot: json.boot, scn: json.scn };
    if (typeof json.type !== 'string') {
      if (json.scn !== name) history = new History();
      out.push(JSON.stringify({ ...title, ...compactStep(json, history) }));
      name = json.scn;
    } else if (json.type === 'scenario') {
      history = new History();
      name = json.scn;
      out.push(JSON.stringify(json));
    }
  }
  return `${out.join('\n')}\n`;
}

function compactStep(json: Json, history: History): Json {
  const step: Json = {};
  for (const [key, value] of Object.entries(json)) {
    if (UNUSED.has(key) || key === 'kernel' || value === null) continue;
    if (same(value, key in DEFAULTS ? DEFAULTS[key] : undefined)) continue;
    if ((INHERITED as readonly string[]).includes(key) && same(value, history.inherited[key])) continue;
    step[key] = value;
  }
  const kernel = json.kernel as Json;
  const vmstat = kernel.vmstat as Json;
  const { nrFollPinAcquired, nrFollPinReleased } = vmstat;
  const small: Json = { vmstat: { nrFollPinAcquired, nrFollPinReleased } };
  for (const key of ['mmHasPinned', 'gotPages', 'gotPfns'])
    if (key in kernel && !(key === 'mmHasPinned' && kernel[key] === 0)) small[key] = kernel[key];
  small.pages = (kernel.pages as Json[]).map((page) =>
    'page' in page ? page : difference(page, history.pages.get(page.w as number), 'w'),
  );
  small.pte = (kernel.pte as Json[]).map((pte) =>
    difference(pte, history.entries.get(pte.addr as string), 'addr'),
  );
  history.expand(json);
  step.kernel = small;
  return step;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What changed, or all of it when a field came or went. */
function difference(now: Json, before: Json | undefined, key: string): Json {
  if (before === undefined || Object.keys(before).sort().join() !== Object.keys(now).sort().join())
    return now;
  const changed: Json = { [key]: now[key] };
  for (const [field, value] of Object.entries(now)) if (before[field] !== value) changed[field] = value;
  return changed;
}

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  console.error('usage: compact.ts FROM TO');
  process.exitCode = 2;
} else {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith('.jsonl')))
    writeFileSync(path.join(to, file), compactLines(readFileSync(path.join(from, file), 'utf8')));
}
