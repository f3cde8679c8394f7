/** Options of the kernel's gup_test, with the same letters and meaning (tools/testing/selftests/mm/gup_test.c). */

export const GUP_TEST_COMMANDS = {
  u: 'GUP_FAST_BENCHMARK',
  U: 'GUP_BASIC_TEST',
  a: 'PIN_FAST_BENCHMARK',
  b: 'PIN_BASIC_TEST',
  L: 'PIN_LONGTERM_BENCHMARK',
  c: 'DUMP_USER_PAGES_TEST',
} as const;
export type GupTestCommand = (typeof GUP_TEST_COMMANDS)[keyof typeof GUP_TEST_COMMANDS];

/** Memory behind `-f`: the model knows file systems, not files. */
export type GupTestFile = 'none' | 'shmem' | 'ext4' | 'ext2' | 'fsdax';

export interface GupTestOptions {
  readonly command: GupTestCommand;
  /** Bytes. */
  readonly size: number;
  readonly pagesPerCall: number;
  readonly repeats: number;
  readonly threads: number;
  readonly write: boolean;
  readonly hugetlb: boolean;
  /** undefined: as the system has it, which is always. */
  readonly thp: boolean;
  readonly shared: boolean;
  readonly file: GupTestFile;
  /** -z: the pages are faulted in by the call. */
  readonly faultInCall: boolean;
  readonly dumpWithPin: boolean;
  /** Page numbers to dump, from 0. */
  readonly dump: readonly number[];
  /** -F: flags as given. */
  readonly flags: number;
}

const MB = 1 << 20;
const WITH_VALUE = 'mrnFfj';
const WITHOUT_VALUE = 'uUabLcpzwWtTSH';
/** Most memory that the model is asked for. */
const MAX_MEGABYTES = 256;

/** What is wrong with the arguments, for the user. */
export class GupTestUsage extends Error {}

/** Reads arguments as getopt() does: letters may be joined, values may follow at once. Throws GupTestUsage. */
export function parseGupTest(args: readonly string[]): GupTestOptions {
  const values = new Map<string, string>();
  const dump: number[] = [];
  let letters = '';
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith('-') || arg === '-') {
      dump.push(whole(arg, 'a page number'));
      continue;
    }
    for (let at = 1; at < arg.length; at++) {
      const letter = arg[at]!;
      if (WITHOUT_VALUE.includes(letter)) {
        letters += letter;
        continue;
      }
      if (!WITH_VALUE.includes(letter)) throw new GupTestUsage(`gup_test has no option -${letter}`);
      const value = arg.slice(at + 1) !== '' ? arg.slice(at + 1) : args[++i];
      if (value === undefined) throw new GupTestUsage(`option -${letter} needs a value`);
      values.set(letter, value);
      break;
    }
  }
  return fromLetters(letters, values, dump);
}

function fromLetters(
  letters: string,
  values: ReadonlyMap<string, string>,
  dump: readonly number[],
): GupTestOptions {
  const has = (letter: string): boolean => letters.includes(letter);
  const last = (...choice: string[]): string | undefined =>
    [...letters].reverse().find((l) => choice.includes(l));
  const megabytes = whole(values.get('m') ?? '128', 'a size in MB');
  if (megabytes < 1 || megabytes > MAX_MEGABYTES)
    throw new GupTestUsage(`the model has room for 1 to ${MAX_MEGABYTES} MB`);
  const command =
    GUP_TEST_COMMANDS[(last('u', 'U', 'a', 'b', 'L', 'c') ?? 'u') as keyof typeof GUP_TEST_COMMANDS];
  return {
    command,
    size: megabytes * MB,
    pagesPerCall: whole(values.get('n') ?? '1', 'a number of pages'),
    repeats: whole(values.get('r') ?? '1', 'a number of repeats'),
    threads: whole(values.get('j') ?? '1', 'a number of threads'),
    write: last('w', 'W') !== 'W',
    hugetlb: has('H'),
    thp: last('t', 'T') !== 'T',
    shared: has('S'),
    file: fileKind(values.get('f')),
    faultInCall: has('z'),
    dumpWithPin: has('p'),
    dump: dump.length > 0 ? dump : command === 'DUMP_USER_PAGES_TEST' ? [0] : [],
    flags: values.has('F') ? whole(values.get('F')!, 'flags') : 0,
  };
}

function whole(text: string, what: string): number {
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) throw new GupTestUsage(`expected ${what}, found \`${text}\``);
  return Number(text);
}

function fileKind(name: string | undefined): GupTestFile {
  if (name === undefined || name === '/dev/zero') return 'none';
  if (/tmpfs|shm/.test(name)) return 'shmem';
  if (/dax|pmem/.test(name)) return 'fsdax';
  if (/ext2/.test(name)) return 'ext2';
  if (/ext4/.test(name)) return 'ext4';
  throw new GupTestUsage(
    `the model opens no files: name the file system in -f (tmpfs, ext2, ext4 or dax), found \`${name}\``,
  );
}
