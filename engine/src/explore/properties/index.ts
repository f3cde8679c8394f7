/** All properties, the gravest first: of several that break at once, the first is reported. */

import { unbalancedReferences } from './balance.ts';
import {
  blockedMigration,
  dirtiedBehindFilesystem,
  kernelWarning,
  refusedArguments,
  unfilledSlot,
  useAfterRelease,
} from './calls.ts';
import { childSeesWrite } from './child-sees-write.ts';
import { lostWrite } from './lost-write.ts';
import type { Property } from './property.ts';
import { staleRead } from './stale-read.ts';
import { refcountUnderflow } from './underflow.ts';

export const ALL_PROPERTIES: readonly Property[] = [
  refusedArguments,
  unfilledSlot,
  useAfterRelease,
  refcountUnderflow,
  lostWrite,
  staleRead,
  childSeesWrite,
  blockedMigration,
  kernelWarning,
  unbalancedReferences,
  dirtiedBehindFilesystem,
];

/** After one of these the kernel's memory is damaged: the run ends there. */
export const FATAL: readonly Property[] = [unfilledSlot, useAfterRelease, refcountUnderflow];

/** Properties that are reported but never decide a verdict. */
export const NOTES: readonly Property[] = [dirtiedBehindFilesystem];

export type { Property } from './property.ts';
