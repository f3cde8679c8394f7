import { readFileSync } from 'node:fs';
import { analyzeFlow, DEFAULT_FLOW } from '#server/flow/file.ts';
import { isMeaningful } from '#server/flow/kernel/meaning.ts';
import { PROTOCOL_WORDS } from '#server/linter/interest.ts';
import { createParser } from '#server/syntax/parser.ts';
import { LineIndex } from '#server/syntax/lines.ts';
import { openSource } from '#server/syntax/source.ts';
const [file, from, to] = process.argv.slice(2);
let text = readFileSync(file!, 'utf8');
const what = process.env.WHAT?.split(',') ?? ['release'];
if (from) { if (!text.includes(from)) console.log('NOT FOUND'); text = text.replace(from, to!); }
const parser = await createParser();
const source = openSource(file!, text, { kernelVersion: { major: 6, minor: 12, patch: 0 }, prefer: new RegExp(PROTOCOL_WORDS.join('|')), means: isMeaningful });
const lines = new LineIndex(text);
const { functions } = analyzeFlow(source, parser, DEFAULT_FLOW);
for (const f of functions) {
  console.log(`== ${f.name} steps=${f.steps} cut=${f.cut} ${f.pair ? `pair fields=${f.pair.fields} consumers=${f.pair.consumers} typed=${f.pair.typed}` : ''}`);
  const seen = new Set<string>();
  for (const o of f.observations as any[]) {
    if (!what.includes(o.what)) continue;
    const s = o.set;
    const line = o.call ? lines.lineOf(o.call.start) : o.range ? lines.lineOf(o.range.start) : '';
    const k = `${o.what} ${o.within} L${line} ${o.effect?.api ?? o.owner ?? ''} mk=${o.makeDirty} slot=${o.slot} set=${s?.id} ${s?.kind} flags=${s?.flags.key} res=${s?.result}/${s?.nr} [${s?.slots}] w=${s?.written} d=${s?.dirtied} dev=${s?.device ? JSON.stringify(s.device) : '-'} exp=${s?.exposed ? lines.lineOf(s.exposed.start) : '-'} esc=${s?.escaped} ${o.what === 'hold' ? `entry=${o.entry} known=${o.entryKnown} used=${o.used} by=${o.by.map((r: any) => r.entry + ':' + r.role + '<' + r.chain.join('/')).join(' ')}` : ''}`;
    if (!seen.has(k)) { seen.add(k); console.log('  ' + k); }
  }
}
