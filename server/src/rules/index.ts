/** All rules, in the order of their codes. A new rule is one file here, one line below, one page and one test. */
import { internalFlag } from './gup101-internal-flag.ts';
import { getAndPin } from './gup102-get-and-pin.ts';
import { longtermWithoutPin } from './gup103-longterm-without-pin.ts';
import { nullPages } from './gup104-null-pages.ts';
import { obsoleteApi } from './gup105-obsolete-api.ts';
import { longtermP2pdma } from './gup106-longterm-p2pdma.ts';
import { mmapLock } from './gup107-mmap-lock.ts';
import { atomicContext } from './gup108-atomic-context.ts';
import { flagsType } from './gup109-flags-type.ts';
import { fastFlag } from './gup110-fast-flag.ts';
import { force } from './gup111-force.ts';
import { noUserMm } from './gup112-no-user-mm.ts';
import { writeUnderGet } from './gup201-write-under-get.ts';
import { dmaUnderGet } from './gup202-dma-under-get.ts';
import { longtermUnderGet } from './gup203-longterm-under-get.ts';
import { missingLongterm } from './gup204-missing-longterm.ts';
import { notifierPin } from './gup205-notifier-pin.ts';
import { structPageOnly } from './gup206-struct-page-only.ts';
import { missingFollWrite } from './gup207-missing-foll-write.ts';
import { putOnPinned } from './gup301-put-on-pinned.ts';
import { unpinOnGot } from './gup302-unpin-on-got.ts';
import { leak } from './gup303-leak.ts';
import { partialLeak } from './gup304-partial-leak.ts';
import { wrongCount } from './gup305-wrong-count.ts';
import { doubleRelease } from './gup306-double-release.ts';
import { useAfterRelease } from './gup307-use-after-release.ts';
import { notDirtied } from './gup308-not-dirtied.ts';
import { dirtyUnlocked } from './gup309-dirty-unlocked.ts';
import { openCodedUnpin } from './gup310-open-coded-unpin.ts';
import { releaseWhileMapped } from './gup311-release-while-mapped.ts';
import { dirtyWithoutWrite } from './gup312-dirty-without-write.ts';
import { memlock } from './gup313-memlock.ts';
import { dcache } from './gup314-dcache.ts';
import { ignoredResult } from './gup401-ignored-result.ts';
import { signedness } from './gup402-signedness.ts';
import { positiveError } from './gup403-positive-error.ts';
import { refcountAsPinTest } from './gup501-refcount-as-pin-test.ts';
import { iterGetForData } from './gup601-iter-get-for-data.ts';
import { iterExtractRelease } from './gup602-iter-extract-release.ts';
import type { Rule } from './rule.ts';

export const RULES: readonly Rule[] = [
  internalFlag,
  getAndPin,
  longtermWithoutPin,
  nullPages,
  obsoleteApi,
  longtermP2pdma,
  mmapLock,
  atomicContext,
  flagsType,
  fastFlag,
  force,
  noUserMm,
  writeUnderGet,
  dmaUnderGet,
  longtermUnderGet,
  missingLongterm,
  notifierPin,
  structPageOnly,
  missingFollWrite,
  putOnPinned,
  unpinOnGot,
  leak,
  partialLeak,
  wrongCount,
  doubleRelease,
  useAfterRelease,
  notDirtied,
  dirtyUnlocked,
  openCodedUnpin,
  releaseWhileMapped,
  dirtyWithoutWrite,
  memlock,
  dcache,
  ignoredResult,
  signedness,
  positiveError,
  refcountAsPinTest,
  iterGetForData,
  iterExtractRelease,
];
