import { createHash } from 'node:crypto';
import type { Finding } from '../../rules/finding.ts';

/**
 * Identities of the findings of one file, in their order: 16 hexadecimal digits each, from code, function, api and
 * how often that combination has occurred before. They survive edits elsewhere in the file; they do not name the file.
 */
export function fingerprints(findings: readonly Finding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const identity = `${finding.code}\0${finding.function}\0${finding.api}`;
    const occurrence = seen.get(identity) ?? 0;
    seen.set(identity, occurrence + 1);
    return createHash('sha256').update(`${identity}\0${occurrence}`).digest('hex').slice(0, 16);
  });
}
