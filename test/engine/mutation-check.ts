/** What a broken model is caught by: recordings that no longer match, and litmus tests that answer differently. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseLitmus } from '#engine/litmus/parser.ts';
import { runLitmus } from '#engine/litmus/run.ts';
import { KNOWN_DIFFERENCES } from '../golden/known.ts';
import { parseRecordings } from '../golden/recording.ts';
import { replay } from '../golden/replay.ts';

const root = process.argv[2] ?? '.';

/** Files of the quick part of the recordings: random traces repeat what the others show. */
function goldenDifferences(): number {
  const folder = path.join(root, 'test/golden/data');
  let differences = 0;
  for (const file of readdirSync(folder).filter(
    (name) => name.endsWith('.jsonl') && !name.startsWith('bootR'),
  )) {
    for (const recording of parseRecordings(readFileSync(path.join(folder, file), 'utf8'))) {
      const { mismatches } = replay(recording);
      differences += mismatches.filter(
        (m) =>
          !KNOWN_DIFFERENCES.some(
            (k) => k.boot === m.boot && k.scenario.test(m.scenario) && k.what.test(m.what),
          ),
      ).length;
    }
  }
  return differences;
}

function litmusDifferences(): number {
  const folder = path.join(root, 'examples/litmus');
  let differences = 0;
  for (const file of readdirSync(folder)) {
    try {
      if (!runLitmus(parseLitmus(readFileSync(path.join(folder, file), 'utf8'), file), file).asExpected)
        differences++;
    } catch {
      differences++;
    }
  }
  return differences;
}

console.log(JSON.stringify({ golden: goldenDifferences(), litmus: litmusDifferences() }));
