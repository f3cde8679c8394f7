import type { Finding } from '../rules/finding.ts';
import type { Fix, FixSource } from './fix.ts';
import { toPin } from './to-pin.ts';

/** CASE 5 as the document writes it: pin, write, unpin with the pages marked dirty. */
export function fixWriteUnderGet(finding: Finding, source: FixSource): Fix | undefined {
  return toPin(finding, source, { written: true });
}
