#!/usr/bin/env node
/**
 * Breaks the model in the ways listed below, one at a time, and shows that the recordings or the litmus tests notice.
 * `node test/engine/mutations.mjs`; exit status 1 when a mutation survives.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../..');

/** What is broken, in which file of engine/src, and how. */
const MUTATIONS = [
  ['bias is 1023', 'model/constants.ts', 'GUP_PIN_COUNTING_BIAS = 1024', 'GUP_PIN_COUNTING_BIAS = 1023'],
  [
    'fork forgets the early copy',
    'model/mm.ts',
    '(m.procFlags(proc) & MMF_HAS_PINNED) !== 0 && folioMaybeDmaPinned(m, head)',
    'false',
  ],
  [
    'fork copies early without MMF_HAS_PINNED',
    'model/mm.ts',
    '(m.procFlags(proc) & MMF_HAS_PINNED) !== 0 && folioMaybeDmaPinned(m, head)',
    'folioMaybeDmaPinned(m, head)',
  ],
  [
    'a page with other references is reused',
    'model/fault.ts',
    'if (m.ref(head) > 1 + (inCache ? 1 : 0)) return false; if (inCache) folioFreeSwap(m, head); return m.ref(head) === 1;',
    'return true;',
  ],
  [
    'an exclusive page is copied',
    'model/fault.ts',
    '(exclusive(m, pte) || canReuse(m, head))',
    'canReuse(m, head)',
  ],
  ['the zero page is pinned', 'model/folio.ts', 'if (head === ZERO_FRAME) return 0;', ''],
  [
    'large folios use the bias',
    'model/folio.ts',
    'return m.word(head, FRAME.PIN) > 0;',
    'return m.ref(head) >= GUP_PIN_COUNTING_BIAS;',
  ],
  [
    'writeback respects pins',
    'model/file.ts',
    'if ((m.flags(head) & PG.dirty) === 0) return false;',
    'if ((m.flags(head) & PG.dirty) === 0 || m.ref(head) > 1000) return false;',
  ],
  ['mkclean leaves entries writable', 'model/file.ts', 'pte & ~(PTE.DIRTY | PTE.WRITE)', 'pte & ~PTE.DIRTY'],
  [
    'page_mkwrite does not dirty',
    'model/file.ts',
    'if (m.stableWrites && (m.flags(head) & PG.writeback) !== 0) m.mustWait = true;\n  folioMarkDirty(m, head);',
    'return;',
  ],
  [
    'reclaim unmaps pinned anonymous pages',
    'model/swap.ts',
    'may be pinned: reclaim leaves it mapped`); return false;',
    'may be pinned`);',
  ],
  [
    'migration, reclaim and THP split overlook other references',
    'model/folio.ts',
    'return m.ref(head) - mmReferences(m, head);',
    'return Math.max(0, m.ref(head) - mmReferences(m, head) - 5000);',
  ],
  [
    'long-term pins do not migrate',
    'model/folio.ts',
    'return zone !== ZONE.movable && zone !== ZONE.cma;',
    'return true;',
  ],
  [
    'long-term write pins of tracked files are allowed',
    'model/gup.ts',
    'return (vmFlags & (VM.SHARED | VM.WRITE)) === (VM.SHARED | VM.WRITE) && needsDirtyTracking(m, file);',
    'return false;',
  ],
  [
    'long-term pins of DAX are allowed',
    'model/gup.ts',
    'if ((flags & FOLL.LONGTERM) !== 0 && fs === FS.fsdax) return -ERRNO.EOPNOTSUPP;',
    '',
  ],
  ['read-only pins share anonymous pages', 'model/gup.ts', 'return !exclusive(m, pte);', 'return false;'],
  ['released pins are not counted', 'model/folio.ts', 'm.add(GLOBAL.RELEASED, refs);', ''],
  [
    'the fast path leaves no trace when it falls back',
    'model/gup.ts',
    'gupPutFolio(m, head, count, flags);\n      break;',
    'gupPutFolio(m, head, count, flags);\n      if ((flags & FOLL.PIN) !== 0) { m.add(0, -count); m.add(1, -count); }\n      break;',
  ],
  [
    'pin_user_pages() returns -EINVAL',
    'model/gup-api.ts',
    'if (all < 0) return 0;',
    'if (all < 0) return -ERRNO.EINVAL;',
  ],
  ['internal flags are accepted', 'model/gup.ts', '(flags & INTERNAL_FLAGS) !== 0', 'false'],
  [
    'munmap leaves the mapping’s reference',
    'model/rmap.ts',
    'm.setFlag(head, PG.partiallyMapped);\n  folioPutRefs(m, head, 1);',
    'm.setFlag(head, PG.partiallyMapped);',
  ],
  ['a PMD split keeps the reference count', 'model/rmap.ts', 'm.addWord(head, FRAME.REF, nr - 1);', ''],
  [
    'truncate leaves held folios in the file',
    'model/file.ts',
    'removeFromCache(m, file, i);',
    'if (m.cached(file, i) < 0 || m.ref(m.cached(file, i)) < 3) removeFromCache(m, file, i);',
  ],
  [
    'unpin ignores make_dirty',
    'model/unpin.ts',
    'if ((m.flags(head) & PG.dirty) === 0) folioMarkDirty(m, head);\n    gupPutFolio(m, head, count',
    'gupPutFolio(m, head, count',
  ],
  [
    'fork does not call notifiers back',
    'model/mm.ts',
    'if (isCowMapping(m.vmaFlags(from))) m.invalidate(parent, s[from + VMA.START]!, s[from + VMA.END]!);',
    '',
  ],
  [
    'munmap does not call notifiers back',
    'model/mm.ts',
    'm.invalidate(proc, start, end);\n  zapRange(m, proc, start, end);\n  const s',
    'zapRange(m, proc, start, end);\n  const s',
  ],
  [
    'mkclean does not call notifiers back',
    'model/file.ts',
    'm.invalidate(proc, vpage, vpage + 1); if ((pte & PTE.DIRTY) !== 0) dirty = true;',
    'if ((pte & PTE.DIRTY) !== 0) dirty = true;',
  ],
  [
    'truncate does not call notifiers back',
    'model/file.ts',
    'm.invalidate(\n proc,\n Math.max(',
    'Math.max(\n proc,\n Math.max(',
  ],
  ['reclaim does not call notifiers back', 'model/swap.ts', 'm.invalidate(proc, vpage, vpage + 1);', ''],
  [
    'migration does not call notifiers back',
    'model/migrate.ts',
    'm.invalidate(m.procOf(e), vpage, vpage + nr);',
    '',
  ],
  [
    'copy-on-write does not call notifiers back',
    'model/fault.ts',
    'm.invalidate(proc, vpage, vpage + 1);',
    '',
  ],
  [
    'page table writes are not noted',
    'model/machine.ts',
    'this.set(this.pteBase + proc * this.vpages + vpage, value);',
    'this.words[this.pteBase + proc * this.vpages + vpage] = value;',
  ],
  [
    'a store to a stable page does not wait for writeback',
    'model/file.ts',
    'if (m.stableWrites && (m.flags(head) & PG.writeback) !== 0) m.mustWait = true;',
    '',
  ],
  [
    'the other thread’s pin does not stop a migration',
    'model/gup.ts',
    'if (m.pauseBeforeMigration && base === 0 && mustMigrate(m, pages, ret)) { m.paused = true; break; }',
    '',
  ],
];

const work = mkdtempSync(path.join(tmpdir(), 'gupcheck-mutations-'));
let survivors = 0;
try {
  const clean = await check(undefined);
  console.log(
    `unchanged model: ${clean.golden} differences from the recordings, ${clean.litmus} from the litmus tests`,
  );
  if (clean.golden + clean.litmus > 0) survivors++;
  for (const [what, file, from, to] of MUTATIONS) {
    const result = await check({ file: path.join(root, 'engine/src', file), from, to });
    const caught = result === null || result.golden + result.litmus > 0;
    if (!caught) survivors++;
    const by =
      result === null ? 'it does not run' : `${result.golden} recorded values, ${result.litmus} litmus tests`;
    console.log(`${caught ? 'caught  ' : 'SURVIVED'} ${what}: ${by}`);
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(`${MUTATIONS.length} mutations, ${survivors} survived`);
process.exitCode = survivors === 0 ? 0 : 1;

/** Builds the check with one text replaced, and runs it; null when it crashes or never ends. */
async function check(mutation) {
  const outfile = path.join(work, 'check.mjs');
  await build({
    entryPoints: [path.join(root, 'test/engine/mutation-check.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    outfile,
    plugins: [
      {
        name: 'mutation',
        setup: (b) => b.onLoad({ filter: /engine\/src\/model\/.*\.ts$/ }, (args) => load(args, mutation)),
      },
    ],
  });
  const run = spawnSync(process.execPath, [outfile, root], { encoding: 'utf8', timeout: 120_000 });
  return run.status === 0 ? JSON.parse(run.stdout) : null;
}

function load(args, mutation) {
  const text = readFileSync(args.path, 'utf8');
  if (mutation === undefined || path.resolve(args.path) !== mutation.file)
    return { contents: text, loader: 'ts' };
  // The formatter may have broken lines differently.
  const pattern = new RegExp(
    mutation.from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s*'),
    'g',
  );
  if (!pattern.test(text)) throw new Error(`${mutation.file} has no text to mutate: ${mutation.from}`);
  return { contents: text.replace(pattern, () => mutation.to), loader: 'ts' };
}
