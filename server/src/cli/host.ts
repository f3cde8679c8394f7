/** What the program needs from the process around it. Tests pass their own. */
import { readFileSync } from 'node:fs';
import type { FixingAnalyzer } from '../linter/file/analyzer.ts';
import { coloured, plain, type Style } from '../linter/text/style.ts';
import { type Program, programAt } from './bundle.ts';

export interface Host {
  readonly cwd: string;
  /** Style for standard output. */
  readonly style: Style;
  /** Show stack traces (`GUPCHECK_DEBUG=1`). */
  readonly debug: boolean;
  /** Writes to standard output. */
  print(output: string | Uint8Array): void;
  /** Writes one line to standard error. */
  complain(line: string): void;
  readInput(): Uint8Array;
  analyzer(): Promise<FixingAnalyzer>;
  /** The program's own files; absent where it is not bundled: then one thread works, and nothing is kept. */
  readonly program?: Program;
}

/** The real process. */
export function processHost(analyzer: () => Promise<FixingAnalyzer>): Host {
  const { env, stdout } = process;
  const program = programAt(typeof __filename === 'string' ? __filename : undefined);
  const wantsColour = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    cwd: process.cwd(),
    style: wantsColour ? coloured : plain,
    debug: env.GUPCHECK_DEBUG === '1',
    print: (output) => void stdout.write(output),
    complain: (line) => void process.stderr.write(`${line}\n`),
    readInput: () => readFileSync(0),
    analyzer,
    ...(program !== undefined && { program }),
  };
}
