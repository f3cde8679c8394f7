/**
 * Replays every recording in a folder: `npm run golden -- FOLDER`. Prints one line for each group of scenarios, and
 * last `matched N/M values in S scenarios`. Differences go to golden-mismatches.jsonl in the current folder.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseRecordings } from './recording.ts';
import { type Mismatch, replay } from './replay.ts';

interface Group {
  scenarios: number;
  matched: number;
  compared: number;
  whole: number;
}

const MISMATCHES = 'golden-mismatches.jsonl';

function main(folder: string | undefined): number {
  if (folder === undefined) {
    console.error('usage: npm run golden -- FOLDER');
    return 2;
  }
  let files: string[];
  try {
    files = readdirSync(folder).filter((name) => name.endsWith('.jsonl') && name !== MISMATCHES);
  } catch {
    console.error(`cannot read the folder ${folder}`);
    return 2;
  }
  const groups = new Map<string, Group>();
  const mismatches: Mismatch[] = [];
  const stops: string[] = [];
  for (const file of files.sort()) {
    for (const recording of parseRecordings(readFileSync(path.join(folder, file), 'utf8'))) {
      const result = replay(recording);
      const key = `boot ${recording.boot}, group ${recording.name.split('_')[0]}`;
      const group = groups.get(key) ?? { scenarios: 0, matched: 0, compared: 0, whole: 0 };
      groups.set(key, group);
      group.scenarios++;
      group.matched += result.matched;
      group.compared += result.compared;
      if (result.matched === result.compared) group.whole++;
      mismatches.push(...result.mismatches);
      if (result.stopped !== undefined) stops.push(`${recording.boot} ${recording.name}: ${result.stopped}`);
    }
  }
  const total = { scenarios: 0, matched: 0, compared: 0, whole: 0 };
  for (const [name, group] of groups) {
    console.log(
      `${name}: ${group.matched}/${group.compared} values, ${group.whole}/${group.scenarios} scenarios without difference`,
    );
    total.scenarios += group.scenarios;
    total.matched += group.matched;
    total.compared += group.compared;
  }
  for (const stop of stops) console.log(`not replayed to the end: ${stop}`);
  writeFileSync(MISMATCHES, mismatches.map((m) => `${JSON.stringify(m)}\n`).join(''));
  if (mismatches.length > 0) console.log(`${mismatches.length} differences are in ${MISMATCHES}`);
  console.log(`matched ${total.matched}/${total.compared} values in ${total.scenarios} scenarios`);
  return mismatches.length > 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2]);
