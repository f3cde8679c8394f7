/**
 * Writes the generated part of each rule's page, docs/rules/GUPnnn.md: everything above the marker comes from the
 * rule's metadata, what is below it is written by hand and kept. With --check it changes nothing, and fails where a
 * page is not up to date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RULES } from '#server/rules/index.ts';
import type { Rule } from '#server/rules/rule.ts';

const MARKER = '<!-- Above: generated from the rule by `npm run rule-pages`. Below: written by hand. -->';

function head(rule: Rule): string {
  const kernels =
    rule.since === undefined && rule.until === undefined
      ? 'all'
      : [rule.since && `since ${rule.since}`, rule.until && `until ${rule.until}`].filter(Boolean).join(', ');
  const run = rule.run === undefined ? 'nothing to run' : 'shown by a run of the engine';
  return [
    `# ${rule.code} ${rule.name}`,
    `${rule.summary[0]!.toUpperCase()}${rule.summary.slice(1)}.`,
    [
      '| | |',
      '|---|---|',
      `| level | ${rule.defaultLevel} |`,
      `| document | ${rule.documentSection}, lines ${rule.documentLines} |`,
      `| kernels | ${kernels} |`,
      `| proof | ${run} |`,
    ].join('\n'),
    '## Why it is wrong',
    rule.rationale,
    '## Bad',
    `\`\`\`c\n${rule.bad.trimEnd()}\n\`\`\``,
    '## Good',
    `\`\`\`c\n${rule.good.trimEnd()}\n\`\`\``,
    MARKER,
  ].join('\n\n');
}

const check = process.argv.includes('--check');
let stale = 0;
for (const rule of RULES) {
  const file = path.join('docs/rules', `${rule.code}.md`);
  const old = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const body = old.includes(MARKER)
    ? old.slice(old.indexOf(MARKER) + MARKER.length)
    : '\n\n## When to ignore it\n\n## Limits\n';
  const page = `${head(rule)}${body}`;
  if (page === old) continue;
  if (check) {
    console.error(`${file}: not up to date; run \`npm run rule-pages\``);
    stale++;
  } else writeFileSync(file, page);
}
process.exitCode = stale > 0 ? 1 : 0;
