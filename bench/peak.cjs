/** Loaded into a program with --require: says at its end, on the last line of standard error, how much memory it had resident at most. */
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  process.on('exit', () => {
    process.stderr.write(`\npeak ${process.resourceUsage().maxRSS} KB\n`);
  });
}
