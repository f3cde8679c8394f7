/** What is known about names in `#if`: the kernel's configuration, the file's own macros, and what was assumed. */
import type { Names, Value } from './expression.ts';
import { evaluate } from './expression.ts';
import { compareKernelVersions, type KernelVersion, versionCode } from './version.ts';

/** Names with a fixed meaning: a 64-bit little-endian kernel built by GCC, with everything switched on. */
const VALUES: ReadonlyMap<string, number> = new Map([
  ['__KERNEL__', 1],
  ['MODULE', 1],
  ['__GNUC__', 12],
  ['__GNUC_MINOR__', 2],
  ['GCC_VERSION', 120200],
  ['__x86_64__', 1],
  ['__LP64__', 1],
  ['__SIZEOF_INT128__', 16],
  ['__LITTLE_ENDIAN', 1234],
  ['__LITTLE_ENDIAN_BITFIELD', 1],
  ['__BYTE_ORDER__', 1234],
  ['__ORDER_LITTLE_ENDIAN__', 1234],
  ['__ORDER_BIG_ENDIAN__', 4321],
  ['BITS_PER_LONG', 64],
  ['PAGE_SHIFT', 12],
  ['PAGE_SIZE', 4096],
  ['true', 1],
  ['false', 0],
]);

/** Names that are not defined in a kernel build, or mark a vendor's kernel, which the target version is not. */
const UNDEFINED =
  /^(?:__ASSEMBLY__|__ASSEMBLER__|__cplusplus|__CHECKER__|__clang__|__BIG_ENDIAN\w*|__i386__|DEBUG|RHEL_\w+|SLE_\w+|SLES?\d*\w*|UTS_UBUNTU_\w+|OPENSUSE_\w+|UEK\w*|ANDROID\w*|_MSC_VER|WIN32|_WIN32|__FreeBSD__|__APPLE__)$/;

/** What a vendor's tree of several kernels tells them apart by: CONFIG_KERNEL_4_4_94. */
const OWN_RELEASE = /^CONFIG_(?:LINUX_)?KERNEL_(?:VERSION_)?(\d)_(\d+)(?:_\d+)?$/;

const BUILTIN_TESTS = new Set(['IS_ENABLED', 'IS_BUILTIN', 'IS_MODULE', 'IS_REACHABLE']);
const VERSION_MACRO = /(?:^|_)(?:KERNEL|RELEASE|RHEL_RELEASE|COMPAT_RELEASE|SUSE|SLE|LINUX)_VERSION$/;

/** Whether a build of the driver may define the name or not, as far as this tool can tell. */
export function isOpenChoice(name: string): boolean {
  if (VALUES.has(name) || UNDEFINED.test(name) || BUILTIN_TESTS.has(name)) return false;
  return !VERSION_MACRO.test(name) && !/^(?:defined|LINUX_VERSION_CODE|__has_\w+)$/.test(name);
}

/** In which releases a name is defined: from `since` on, and not from `until` on. */
export interface NameLife {
  readonly since?: KernelVersion | undefined;
  readonly until?: KernelVersion | undefined;
}

/** Of names that tell that the kernel has something (HAVE_…, FOLL_…), in which releases they are defined. */
export type LifeOf = (name: string) => NameLife | undefined;

/** Whether a release defines a name of such a life. */
export function isAlive({ since, until }: NameLife, version: KernelVersion): boolean {
  return (
    (since === undefined || compareKernelVersions(version, since) >= 0) &&
    (until === undefined || compareKernelVersions(version, until) < 0)
  );
}

/** The state of the names at one place of a file. Later directives see what earlier ones defined. */
export class Environment implements Names {
  readonly #version: KernelVersion;
  readonly #macros = new Map<string, string>();
  readonly #params = new Map<string, readonly string[]>();
  readonly #undefined = new Set<string>();
  readonly #assumed = new Map<string, boolean>();
  readonly #expanding = new Set<string>();
  readonly #given: ReadonlyMap<string, boolean>;
  readonly #lifeOf: LifeOf;

  /**
   * `given` says of names that the file does not define itself whether they are defined; `lifeOf`, of names that mean
   * that the kernel has something, in which releases they are.
   */
  constructor(
    version: KernelVersion,
    given: ReadonlyMap<string, boolean> = new Map(),
    lifeOf: LifeOf = () => undefined,
  ) {
    this.#version = version;
    this.#given = given;
    this.#lifeOf = lifeOf;
  }

  /** The file defines an object-like macro, or a function-like one. */
  define(name: string, body: string, params?: readonly string[]): void {
    this.#macros.set(name, body);
    if (params === undefined) this.#params.delete(name);
    else this.#params.set(name, params);
    this.#undefined.delete(name);
  }

  undefine(name: string): void {
    this.#macros.delete(name);
    this.#params.delete(name);
    this.#undefined.add(name);
  }

  /** From here on, a name that nothing else decides counts as defined or not. */
  assume(name: string, defined: boolean): void {
    this.#assumed.set(name, defined);
  }

  isDefined(name: string): boolean | undefined {
    if (this.#undefined.has(name)) return false;
    if (this.#macros.has(name)) return true;
    const given = this.#given.get(name);
    if (given !== undefined) return given;
    const life = this.#lifeOf(name);
    if (life !== undefined) return isAlive(life, this.#version);
    if (VALUES.has(name)) return true;
    if (name === 'LINUX_VERSION_CODE' || name === 'KERNEL_VERSION' || BUILTIN_TESTS.has(name)) return true;
    if (name === '__has_include' || name === '__has_attribute') return true;
    const release = OWN_RELEASE.exec(name);
    if (release !== null)
      return Number(release[1]) === this.#version.major && Number(release[2]) === this.#version.minor;
    if (name.startsWith('CONFIG_')) return !name.endsWith('_MODULE');
    if (UNDEFINED.test(name)) return false;
    return this.#assumed.get(name);
  }

  valueOf(name: string): Value {
    const own = this.#params.has(name) ? '' : this.#macros.get(name);
    if (own !== undefined) return this.#expand(name, own);
    if (this.#undefined.has(name)) return 0;
    if (name === 'LINUX_VERSION_CODE') return versionCode(this.#version);
    const fixed = VALUES.get(name);
    if (fixed !== undefined) return fixed;
    const defined = this.isDefined(name);
    return defined === undefined ? 'unknown' : defined ? 'some' : 0;
  }

  call(name: string, values: readonly Value[], texts: readonly string[]): Value {
    if (VERSION_MACRO.test(name)) return releaseCode(name, values);
    if (BUILTIN_TESTS.has(name))
      return Number(name !== 'IS_MODULE' && this.isDefined(texts[0] ?? '') !== false);
    if (name === '__has_attribute' || name === '__has_builtin') return 1;
    const body = this.#macros.get(name);
    const params = this.#params.get(name);
    return body === undefined || params?.length !== values.length || this.#expanding.has(name)
      ? 'unknown'
      : this.#apply(name, body, new Map(params.map((param, i) => [param, values[i]!])));
  }

  /** `#if MY_KERNEL_MIN(5, 6, 0)`, where `#define MY_KERNEL_MIN(a, b, c) (LINUX_VERSION_CODE >= …)`. */
  #apply(name: string, body: string, args: ReadonlyMap<string, Value>): Value {
    this.#expanding.add(name);
    const value = evaluate(body, {
      isDefined: (word) => this.isDefined(word),
      valueOf: (word) => args.get(word) ?? this.valueOf(word),
      call: (word, values, texts) => this.call(word, values, texts),
    });
    this.#expanding.delete(name);
    return value;
  }

  #expand(name: string, body: string): Value {
    if (body.trim() === '') return 0;
    if (this.#expanding.has(name)) return 0;
    this.#expanding.add(name);
    const value = evaluate(body, this);
    this.#expanding.delete(name);
    return value;
  }
}

/** `KERNEL_VERSION(a, b, c)` and its vendors' relatives. */
function releaseCode(name: string, values: readonly Value[]): Value {
  const [a, b, c = 0] = values;
  if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number') return 'unknown';
  return name.endsWith('KERNEL_VERSION') || values.length > 2
    ? a * 65536 + b * 256 + Math.min(c, 255)
    : a * 256 + b;
}
