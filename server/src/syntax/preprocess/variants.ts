/**
 * Other configurations of a file: what has to be assumed so that a branch is read which the chosen configuration leaves
 * out. One assumption at a time: a kernel release, or one name that is defined or not.
 */
import {
  byFile,
  type Conditional,
  type ConditionalOptions,
  type FileConditionals,
  resolveConditionals,
} from './conditionals.ts';
import { isAlive, isOpenChoice, type NameLife } from './environment.ts';
import { type Directive, scan } from './scan.ts';
import { compareKernelVersions, formatKernelVersion, type KernelVersion } from './version.ts';

/** One assumption, and what to tell people of it. */
export interface Variant {
  readonly kernelVersion?: KernelVersion;
  /** The name that the variant is about, and whether it is defined. */
  readonly name?: { readonly name: string; readonly defined: boolean };
  /** As in `This holds …`: `on kernels before 5.6`, `when HAVE_PIN is not defined`. */
  readonly when: string;
}

export interface Variants {
  readonly variants: readonly Variant[];
  /** Branches of interest were left out because there were too many. */
  readonly capped: boolean;
}

/** Configurations besides the chosen one. */
export const MAX_VARIANTS = 8;
/** Assumptions that are tried, whatever comes of them: a file may have very many conditions. */
const MAX_TRIALS = 64;

/** A branch of a group of the file or of a header; -1 stands for none of its branches. */
interface Target {
  readonly key: string;
  readonly group: Conditional;
}

/** What was found so far. */
interface Search {
  readonly path: string;
  readonly text: string;
  directives: readonly Directive[] | undefined;
  readonly options: ConditionalOptions;
  readonly wanted: RegExp;
  readonly inFunction: (offset: number) => boolean;
  /** Branches that some configuration reads. */
  readonly read: Set<string>;
  readonly variants: Variant[];
  readonly tried: Set<string>;
  capped: boolean;
}

/**
 * Finds, for a file and its headers as the configuration of `options` has them, the configurations in which branches are read that the one of `options` leaves out, for groups in which some
 * branch matches `wanted`. Each of them is one assumption away from the chosen one. That none of a group's branches is
 * read is a configuration only where `inFunction` holds for its place: elsewhere it is an include guard, or drops whole
 * functions.
 */
export function variantsOf(
  files: readonly FileConditionals[],
  options: ConditionalOptions,
  wanted: RegExp,
  inFunction: (offset: number) => boolean,
): Variants {
  const search: Search = {
    path: files[0]!.path,
    text: files[0]!.text,
    directives: undefined,
    options,
    wanted,
    inFunction,
    read: new Set(),
    variants: [],
    tried: new Set(),
    capped: false,
  };
  let open = unread(search, files);
  // A branch that is read now may hold groups of its own.
  for (let round = 0; round < 2 && open.length > 0; round++) {
    const more: Target[] = [];
    for (const target of open) {
      if (search.read.has(target.key)) continue;
      for (const variant of candidates(target.group, options)) {
        const found = tryOut(search, variant, target);
        if (found === undefined) continue;
        more.push(...found);
        break;
      }
    }
    open = more;
  }
  return { variants: search.variants, capped: search.capped };
}

/** Options of the file for a variant. */
export function withVariant(
  options: ConditionalOptions,
  { kernelVersion, name }: Variant,
): ConditionalOptions {
  return {
    ...options,
    ...(kernelVersion !== undefined && { kernelVersion }),
    ...(name !== undefined && { given: new Map([...(options.given ?? []), [name.name, name.defined]]) }),
  };
}

/** The groups as a variant has them. */
function conditionalsOf(search: Search, variant: Variant): FileConditionals[] {
  const { path, text } = search;
  search.directives ??= scan(text).directives;
  const resolved = resolveConditionals(path, text, search.directives, withVariant(search.options, variant));
  return byFile(path, text, resolved);
}

/** Notes what a configuration reads; answers the branches of interest that it does not read. */
function unread({ path, wanted, inFunction, read }: Search, files: readonly FileConditionals[]): Target[] {
  return files.flatMap((file) =>
    file.groups.flatMap((group) => {
      const { start, end } = group.range;
      if (!wanted.test(file.text.slice(start, end))) return [];
      const at = `${file.path}:${start}:`;
      read.add(`${at}${group.taken}`);
      const concerns = group.branches.map(({ range }) =>
        wanted.test(file.text.slice(range.start, range.end)),
      );
      const hasElse = group.branches.at(-1)?.condition === '';
      const mayBeNone = !hasElse && file.path === path && inFunction(start);
      const others = [...group.branches.keys(), ...(mayBeNone ? [-1] : [])];
      const isConcerned = concerns[group.taken] ?? false;
      return others
        .filter((branch) => branch !== group.taken && (isConcerned || concerns[branch] === true))
        .map((branch) => ({ key: `${at}${branch}`, group }));
    }),
  );
}

/** Takes a variant in if it reads the target; answers what it leaves unread, or undefined. */
function tryOut(search: Search, variant: Variant, target: Target): Target[] | undefined {
  if (search.tried.has(`${variant.when} ${target.key}`)) return undefined;
  search.tried.add(`${variant.when} ${target.key}`);
  if (search.tried.size > MAX_TRIALS) {
    search.capped = true;
    return undefined;
  }
  const before = new Set(search.read);
  const open = unread(search, conditionalsOf(search, variant));
  const reads = search.read.has(target.key);
  const fits = reads && search.variants.length < MAX_VARIANTS;
  if (reads && !fits) search.capped = true;
  if (fits) {
    search.variants.push(variant);
    return open;
  }
  for (const key of search.read) if (!before.has(key)) search.read.delete(key);
  return undefined;
}

/** Assumptions that the conditions of a group speak of, the smallest step first. */
function candidates({ branches }: Conditional, options: ConditionalOptions): Variant[] {
  const text = branches.map(({ condition }) => condition).join(' ');
  const words = [...new Set(text.match(/\b[A-Za-z_]\w*/g) ?? [])].filter(isOpenChoice);
  return [...releases(text, options.kernelVersion), ...words.flatMap((word) => definitions(word, options))];
}

/** The releases on either side of each release that is compared with, the nearest to the chosen one first. */
function releases(text: string, chosen: KernelVersion): Variant[] {
  const found = new Map<string, Variant>();
  for (const [major, minor, patch] of releasesIn(text)) {
    const bound = { major, minor, patch };
    const name = formatKernelVersion(bound);
    if (compareKernelVersions(bound, chosen) > 0) {
      found.set(name, { kernelVersion: bound, when: `on kernels from ${name} on` });
      continue;
    }
    const below = releaseBefore(bound);
    if (below !== undefined)
      found.set(`<${name}`, { kernelVersion: below, when: `on kernels before ${name}` });
    found.set(name, { kernelVersion: bound, when: `on kernel ${name}` });
  }
  const distance = ({ kernelVersion }: Variant): number =>
    Math.abs(code(kernelVersion ?? chosen) - code(chosen));
  return [...found.values()].sort((a, b) => distance(a) - distance(b));
}

/** A release, or a pair of them, as arguments of KERNEL_VERSION() or of a project's own macro. */
const RELEASES = /\b([A-Z]\w*)\s*\(((?:\s*\d+\s*,){2}\s*\d+|(?:\s*\d+\s*,){5}\s*\d+)\s*\)/g;

const NOT_OF_KERNEL = /RHEL|SLE|SUSE|OFED|MLNX|GCC|CLANG|BSD|UBUNTU|ANDROID/;

function* releasesIn(text: string): Generator<[number, number, number]> {
  for (const [, name = '', list = ''] of text.matchAll(RELEASES)) {
    if (NOT_OF_KERNEL.test(name)) continue;
    const numbers = list.split(',').map(Number);
    for (let i = 0; i < numbers.length; i += 3) yield [numbers[i]!, numbers[i + 1]!, numbers[i + 2]!];
  }
}

function code({ major, minor, patch }: KernelVersion): number {
  return (major * 1000 + minor) * 1000 + patch;
}

/** Last releases of the major versions that ended. */
const LAST_MINOR: ReadonlyMap<number, number> = new Map([
  [2, 6],
  [3, 19],
  [4, 20],
  [5, 19],
  [6, 19],
]);

/** The release before another; undefined before the oldest that is known. */
export function releaseBefore({ major, minor, patch }: KernelVersion): KernelVersion | undefined {
  if (patch > 0) return { major, minor, patch: patch - 1 };
  if (minor > 0) return { major, minor: minor - 1, patch: 0 };
  const last = LAST_MINOR.get(major - 1);
  return last === undefined ? undefined : { major: major - 1, minor: last, patch: 0 };
}

/** A name that is defined, and one that is not; where that is a matter of the kernel, in a kernel of which it is true. */
function definitions(name: string, { kernelVersion: chosen, lifeOf }: ConditionalOptions): Variant[] {
  const life = lifeOf?.(name);
  if (life !== undefined) {
    const defined = !isAlive(life, chosen);
    const kernelVersion = otherSide(life, chosen);
    const when = `when ${name} is ${stateOf(name, defined)}`;
    return kernelVersion === undefined ? [] : [{ kernelVersion, when }];
  }
  return [false, true].map((defined) => ({
    name: { name, defined },
    when: `when ${name} is ${stateOf(name, defined)}`,
  }));
}

/** The nearest release that defines a name where the chosen one does not, or the other way round. */
function otherSide({ since, until }: NameLife, chosen: KernelVersion): KernelVersion | undefined {
  if (since !== undefined && compareKernelVersions(chosen, since) < 0) return since;
  if (until !== undefined && compareKernelVersions(chosen, until) >= 0) return releaseBefore(until);
  return since === undefined ? until : releaseBefore(since);
}

function stateOf(name: string, defined: boolean): string {
  const what = name.startsWith('CONFIG_') ? 'set' : 'defined';
  return defined ? what : `not ${what}`;
}
