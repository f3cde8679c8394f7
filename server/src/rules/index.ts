/** All rules, in the order of their codes. A new rule is one file here, one line below, one page and one test. */
import { internalFlag } from './gup101-internal-flag.ts';
import { getAndPin } from './gup102-get-and-pin.ts';
import { longtermWithoutPin } from './gup103-longterm-without-pin.ts';
import { nullPages } from './gup104-null-pages.ts';
import { writeUnderGet } from './gup201-write-under-get.ts';
import { putOnPinned } from './gup301-put-on-pinned.ts';
import { unpinOnGot } from './gup302-unpin-on-got.ts';
import { leak } from './gup303-leak.ts';
import { partialLeak } from './gup304-partial-leak.ts';
import type { Rule } from './rule.ts';

export const RULES: readonly Rule[] = [
  internalFlag,
  getAndPin,
  longtermWithoutPin,
  nullPages,
  writeUnderGet,
  putOnPinned,
  unpinOnGot,
  leak,
  partialLeak,
];
