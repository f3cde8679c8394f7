/** Entry of the suite in the extension host: mocha's browser build, which needs no files beside it. */
/// <reference types="mocha" />
import 'mocha/mocha.js';

type Runner = Mocha.Runner;

class LineReporter {
  constructor(runner: Runner) {
    runner.on('pass', (test) => console.log(`  ok ${test.fullTitle()} (${test.duration} ms)`));
    runner.on('fail', (test, error) =>
      console.log(`  FAILED ${test.fullTitle()}: ${error.stack ?? error.message}`),
    );
  }
}

export async function run(): Promise<void> {
  // mocha.run() of the browser build reads the page's address.
  (globalThis as { location?: unknown }).location ??= { search: '' };
  mocha.setup({ ui: 'tdd', timeout: 40_000, reporter: LineReporter as never });
  await import('./extension.ts');
  await new Promise<void>((resolve, reject) => {
    mocha.run((failures) => (failures > 0 ? reject(new Error(`${failures} tests failed`)) : resolve()));
  });
}
