/** What the other files of a document's folder add to what is said of it. */
import path from 'node:path';
import type { Analyzer } from '../linter/file/analyzer.ts';
import { withPlaces } from '../linter/file/places.ts';
import type { FileReport, ReportedFinding } from '../linter/file/report.ts';
import type { LintOptions } from '../linter/file/service.ts';
import { joinSiblings } from '../linter/project/join.ts';
import { Siblings } from '../linter/project/siblings.ts';
import { LineIndex } from '../syntax/lines.ts';
import type { OtherFile } from '../syntax/range.ts';

/**
 * Findings about the pages that `file` acquires and other files of its folder use or release. One whose place is in
 * another file is told where the pages are acquired. `report` is of the file alone.
 */
export function foundAround(
  analyzer: Analyzer,
  report: FileReport,
  file: string,
  options: LintOptions,
  openText: (file: string) => string | undefined,
): ReportedFinding[] {
  const alone = { ...report, path: file };
  const joined = joinSiblings(analyzer, alone, file, report.text, options, new Siblings(openText), new Set());
  const known = new Set(report.findings);
  const own = joined.findings.filter((finding) => !known.has(finding));
  const others = (joined.elsewhere ?? []).flatMap(({ path: where, text, findings }) =>
    findings.map((finding) => atAcquire(finding, file, { path: where, text })),
  );
  return [...own, ...others];
}

/** A finding whose place is in `there`, as the file that acquires the pages tells of it. */
function atAcquire(finding: ReportedFinding, own: string, there: OtherFile): ReportedFinding {
  const moved = withPlaces(finding, (place) => {
    if (place.file === undefined) return { ...place, file: there };
    const { file, ...here } = place;
    return file.path === own ? here : place;
  });
  const line = new LineIndex(there.text).lineOf(finding.range.start);
  return {
    ...moved,
    message: `${finding.message} This is in ${path.basename(there.path)}, line ${line}.`,
    range: moved.site.range,
    related: [{ range: moved.range, message: 'what is wrong stands here' }, ...moved.related],
  };
}
