/** The whole tree against rg and ast-grep on the same files, and the cold start on one small file. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median, milliseconds, output, type Row, race } from './measure.ts';

const PATTERN = 'get_user_pages|pin_user_pages';
const ROUNDS = 3;
/** 1 is the exit status for findings. */
const LINT_STATUS = [0, 1];
/** Measured where ast-grep 0.51.1 was at hand: 0.99 s for rg and ast-grep with bench/peers/astgrep, 0.36 s for rg alone. */
const RECORDED_AST_GREP = 2.75;

/**
 * Lints a kernel tree, and lets rg, and ast-grep on what rg finds, search its `.c` files: each as the median of several
 * turns, and as a multiple of rg. `program` is the bundled command line. GUPCHECK_AST_GREP names the ast-grep to use.
 */
export function treeRows(program: string, kernel: string, peers: string): Row[] {
  const cache = mkdtempSync(path.join(tmpdir(), 'gupcheck-bench-'));
  const lint = (...options: string[]) =>
    output(process.execPath, [program, 'lint', ...options, '.'], kernel, LINT_STATUS);
  const rg = () => output('rg', ['-l', PATTERN, '-g', '*.c', '.'], kernel);
  const astGrep = astGrepProgram();
  const rgAndAstGrep = () => {
    const files = rg().trim().split('\n');
    const config = path.join(peers, 'astgrep/sgconfig.yml');
    output(astGrep!, ['scan', '--config', config, ...files], kernel, LINT_STATUS);
  };
  try {
    lint('--cache-dir', cache);
    const times = race(
      {
        rg,
        first: () => lint('--no-cache'),
        unexplained: () => lint('--no-cache', '--no-explain'),
        alone: () => lint('--no-cache', '--threads', '1'),
        again: () => lint('--cache-dir', cache),
        astGrep: astGrep === undefined ? () => undefined : rgAndAstGrep,
      },
      ROUNDS,
    );
    const ratio = (time: number) => `${seconds(time)} = ${(time / times.rg).toFixed(1)} × rg`;
    return [
      { what: 'rg -l over *.c of the tree', figure: seconds(times.rg), aim: '' },
      {
        what: 'rg, then ast-grep on what it finds',
        figure:
          astGrep === undefined ? `not at hand; recorded: ${RECORDED_AST_GREP} × rg` : ratio(times.astGrep),
        aim: '',
      },
      { what: 'gupcheck lint of the tree', figure: ratio(times.first), aim: '3 × rg' },
      { what: 'the same, --no-explain', figure: ratio(times.unexplained), aim: '' },
      { what: 'the same, --threads 1', figure: ratio(times.alone), aim: '' },
      { what: 'the same again, with the cache', figure: ratio(times.again), aim: '2 × rg' },
      {
        what: 'peak memory of the first run, all threads',
        figure: peakMemory(program, kernel),
        aim: '600 MB',
      },
    ];
  } finally {
    rmSync(cache, { recursive: true });
  }
}

function astGrepProgram(): string | undefined {
  const program = process.env.GUPCHECK_AST_GREP ?? 'ast-grep';
  return spawnSync(program, ['--version']).status === 0 ? program : undefined;
}

function peakMemory(program: string, kernel: string): string {
  const hook = path.join(process.cwd(), 'bench/peak.cjs');
  const { stderr } = spawnSync(process.execPath, ['--require', hook, program, 'lint', '--no-cache', '.'], {
    cwd: kernel,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const peak = /^peak (\d+) KB$/m.exec(stderr)?.[1];
  if (peak === undefined) throw new Error(`no figure of peak memory: ${stderr.slice(-500)}`);
  return `${(Number(peak) / 1024).toFixed(0)} MB`;
}

/** Median time of a process that lints one small file. */
export function startRows(program: string, examples: string): Row[] {
  const file = readdirSync(examples).find((name) => name.endsWith('.c'));
  if (file === undefined) throw new Error(`${examples} has no C file`);
  const run = () =>
    output(process.execPath, [program, 'lint', path.join(examples, file)], examples, LINT_STATUS);
  const node = () => output(process.execPath, ['-e', '0'], examples);
  const times = Array.from({ length: 9 }, () => milliseconds(run));
  const bare = Array.from({ length: 9 }, () => milliseconds(node));
  return [
    { what: `cold start, lint of ${file}`, figure: `${median(times).toFixed(0)} ms`, aim: 'below 200 ms' },
    { what: 'of which node itself', figure: `${median(bare).toFixed(0)} ms`, aim: '' },
  ];
}

function seconds(value: number): string {
  return `${(value / 1000).toFixed(2)} s`;
}
