/** Entry of the bundle: the process around the program. */
import { createAnalyzer } from '../linter/file/analysis.ts';
import type { FixingAnalyzer } from '../linter/file/analyzer.ts';
import { exitStatus } from './failure.ts';
import { processHost } from './host.ts';
import { compileForShortRuns } from './jit.ts';
import { runProgram } from './program.ts';

compileForShortRuns();

// A reader that has seen enough (`gupcheck lint … | head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? exitStatus.clean);
  });
}

let analyzer: Promise<FixingAnalyzer> | undefined;
const host = processHost(() => {
  analyzer ??= createAnalyzer();
  return analyzer;
});
void runProgram(process.argv.slice(2), host).then((status) => {
  process.exitCode = status;
});
