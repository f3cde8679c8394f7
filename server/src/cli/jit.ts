/**
 * Settings of V8's compilers for a program that runs for seconds. A lint runs much code a few times each; the defaults,
 * made for programs that go on for hours, spend as much on optimizing it as it takes to run. Here all code is compiled at
 * once, without optimizing, and only what is hot is optimized, in small pieces. On Node 20 that takes a third
 * off a whole tree, on Node 22 a fifth.
 */
import { setFlagsFromString } from 'node:v8';

const AT_ONCE = ['--always-sparkplug', '--max-inlined-bytecode-size-cumulative=100'] as const;

/** Flags for a release of V8 (`process.versions.v8`). None where it is not known to have them: it would complain. */
export function compilerFlags(v8: string): readonly string[] {
  // Node 20; later releases count calls instead.
  if (v8.startsWith('11.3.')) return [...AT_ONCE, '--interrupt-budget=500000'];
  // Node 22 and 24.
  return /^1[23]\./.test(v8) ? AT_ONCE : [];
}

/** Sets the compilers of this process, for all its threads. Code that has been compiled stays as it is. */
export function compileForShortRuns(): void {
  for (const flag of compilerFlags(process.versions.v8)) setFlagsFromString(flag);
}
