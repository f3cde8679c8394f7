/** Kernel versions, as `LINUX_VERSION_CODE` orders them. */

export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Reads `6.12`, `v6.12.117`, `6.12.0-rc1`; undefined for anything else. */
export function parseKernelVersion(text: string): KernelVersion | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,5}))?(?:[-+~].*)?$/.exec(text.trim());
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) };
}

export function formatKernelVersion(version: KernelVersion): string {
  const short = `${version.major}.${version.minor}`;
  return version.patch === 0 ? short : `${short}.${version.patch}`;
}

/** The value of `LINUX_VERSION_CODE`: `KERNEL_VERSION()` of include/generated/uapi/linux/version.h, patch cut at 255. */
export function versionCode(version: KernelVersion): number {
  return version.major * 65536 + version.minor * 256 + Math.min(version.patch, 255);
}

/** Negative, zero or positive, as for a sort. */
export function compareKernelVersions(a: KernelVersion, b: KernelVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}
