/** The places that a finding names. */
import { withRanges } from '../../rules/finding.ts';
import type { Range } from '../../syntax/range.ts';
import type { ReportedFinding } from './report.ts';

/** The finding with each of its places replaced, those of its counterexample and of the run included. */
export function withPlaces(finding: ReportedFinding, move: (place: Range) => Range): ReportedFinding {
  const { explanation } = finding;
  return {
    ...finding,
    ...withRanges(finding, move),
    ...(explanation !== undefined && {
      explanation: {
        ...explanation,
        steps: explanation.steps.map(({ range, ...step }) =>
          range === undefined ? step : { ...step, range: move(range) },
        ),
      },
    }),
  };
}

/**
 * Findings of an earlier text of the file, at their places in a later one. Those with a place that the edit has touched
 * are left out: the two texts differ between what they have in common at their begin and at their end.
 */
export function movedAlong(
  findings: readonly ReportedFinding[],
  before: string,
  after: string,
): ReportedFinding[] {
  if (findings.length === 0 || before === after) return [...findings];
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before.charCodeAt(head) === after.charCodeAt(head)) head++;
  let tail = 0;
  while (
    tail < shorter - head &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  )
    tail++;
  const by = after.length - before.length;
  return findings.flatMap((finding) => {
    let touched = false;
    const moved = withPlaces(finding, (place) => {
      if (place.file !== undefined || place.end <= head) return place;
      touched ||= place.start < before.length - tail;
      return { ...place, start: place.start + by, end: place.end + by };
    });
    return touched ? [] : [moved];
  });
}
