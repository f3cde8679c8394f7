/** Findings as SARIF 2.1.0, for code scanning services and editors. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type {
  ArtifactChange,
  ArtifactLocation,
  CodeFlow,
  Fix,
  Location,
  Log,
  Notification,
  PhysicalLocation,
  ReportingDescriptor,
  Result,
} from 'sarif';
import type { Edit, Remaining } from '../../linter/apply/fix-text.ts';
import { type FileReport, isFailure, type ReportedFinding } from '../../linter/file/report.ts';
import { ruleUrl } from '../../linter/text/rule-url.ts';
import type { Rule } from '../../rules/rule.ts';
import type { LineIndex } from '../../syntax/lines.ts';
import type { Range } from '../../syntax/range.ts';
import { ruleHelp } from '../rule-page.ts';
import { type Formatter, linesOf, type Output, remedyOf, shown, spanOf } from './output.ts';
import { threadFlows } from './sarif-flow.ts';

/** Name under which a finding's identity is stored; a change of how it is computed changes the name. */
const FINGERPRINT = 'gupcheckFinding/v1';

export const formatSarif: Formatter = (output) => {
  const log: Log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'gupcheck',
            version: output.version,
            semanticVersion: output.version,
            informationUri: 'https://github.com/gupcheck/gupcheck',
            rules: output.rules.map(ruleDescriptor),
          },
        },
        columnKind: 'unicodeCodePoints',
        originalUriBaseIds: { SRCROOT: { uri: folderUri(output.cwd) } },
        invocations: [
          {
            executionSuccessful: output.status !== 2,
            exitCode: output.status,
            workingDirectory: { uri: folderUri(output.cwd) },
            toolExecutionNotifications: notifications(output),
          },
        ],
        results: output.run.reports.flatMap((report) => {
          const lines = linesOf(report);
          const place = new Places((shownPath) => artifactOf(shownPath, output.cwd), report.path, lines);
          return shown(report, output.level).map((finding) => ({
            ...resultOf(report, finding, place, output.rules),
            ...fixesOf(remedyOf(output, report, finding), place),
          }));
        }),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
};

/** Ranges of one file as SARIF locations. */
class Places {
  readonly #artifactOf: (shownPath: string) => ArtifactLocation;
  readonly #path: string;
  readonly #lines: LineIndex;

  constructor(artifact: (shownPath: string) => ArtifactLocation, shownPath: string, lines: LineIndex) {
    this.#artifactOf = artifact;
    this.#path = shownPath;
    this.#lines = lines;
  }

  physical(range: Range): PhysicalLocation {
    const { line, column, endLine, endColumn } = spanOf(this.#lines, range);
    return {
      artifactLocation: this.#artifactOf(range.file?.path ?? this.#path),
      region: { startLine: line, startColumn: column, endLine, endColumn },
    };
  }

  change(edits: readonly Edit[]): ArtifactChange {
    return {
      artifactLocation: this.#artifactOf(this.#path),
      replacements: edits.map(({ range, newText }) => ({
        deletedRegion: this.physical(range).region!,
        insertedContent: { text: newText },
      })),
    };
  }

  location(range: Range, message: string): Location {
    return { physicalLocation: this.physical(range), message: { text: message } };
  }
}

function resultOf(
  report: FileReport,
  finding: ReportedFinding,
  places: Places,
  rules: readonly Rule[],
): Result {
  const { explanation } = finding;
  return {
    ruleId: finding.code,
    ruleIndex: rules.findIndex((rule) => rule.code === finding.code),
    level: finding.level,
    message: {
      text: explanation === undefined ? finding.message : `${finding.message}\nRun: ${explanation.summary}`,
    },
    locations: [
      {
        physicalLocation: places.physical(finding.range),
        logicalLocations: [{ name: finding.function, kind: 'function' }],
      },
    ],
    ...(finding.related.length > 0 && {
      relatedLocations: finding.related.map((related, id) => ({
        id: id + 1,
        ...places.location(related.range, related.message),
      })),
    }),
    ...codeFlows(finding, places),
    partialFingerprints: { [FINGERPRINT]: finding.fingerprint },
    properties: {
      certainty: finding.certainty,
      ...(finding.configuration !== undefined && { configuration: finding.configuration }),
      api: finding.api,
      kernel: report.kernel,
      ...(explanation !== undefined && { verdict: explanation.verdict }),
      ...(explanation?.property !== undefined && { property: explanation.property }),
    },
  };
}

/** A fix as the replacements that it is made of. */
function fixesOf(remedy: Remaining | undefined, places: Places): { fixes?: Fix[] } {
  if (remedy?.kind !== 'offered') return {};
  const { title, safety, edits } = remedy.fix;
  return {
    fixes: [
      {
        description: { text: title },
        artifactChanges: [places.change(edits)],
        properties: { safety },
      },
    ],
  };
}

function codeFlows(finding: ReportedFinding, places: Places): { codeFlows?: CodeFlow[] } {
  const { explanation } = finding;
  if (explanation === undefined || explanation.steps.length === 0) return {};
  const flows = threadFlows(explanation.steps, (range, message) =>
    places.location(range ?? finding.range, message),
  );
  return {
    codeFlows: [
      {
        message: { text: explanation.damage ?? explanation.summary },
        threadFlows: flows,
        properties: {
          assumptions: explanation.assumptions,
          states: explanation.explored.states,
          executions: explanation.explored.executions,
          reach: explanation.reach,
        },
      },
    ],
  };
}

function ruleDescriptor(rule: Rule): ReportingDescriptor {
  return {
    id: rule.code,
    name: rule.name,
    shortDescription: { text: rule.summary },
    fullDescription: { text: rule.rationale },
    helpUri: ruleUrl(rule.code),
    help: ruleHelp(rule),
    defaultConfiguration: { level: rule.defaultLevel },
    properties: {
      tags: ['kernel', 'page-pinning'],
      documentSection: rule.documentSection,
      documentLines: rule.documentLines,
      explainable: rule.run !== undefined,
      ...(rule.since !== undefined && { since: rule.since }),
      ...(rule.until !== undefined && { until: rule.until }),
    },
  };
}

function notifications({ run, cwd }: Output): Notification[] {
  const ofInput = [...run.problems, ...run.skipped].map(
    ({ place, what, cure }): Notification => ({
      level: run.problems.some((problem) => problem.place === place) ? 'error' : 'warning',
      message: { text: `${place}: ${what}; ${cure}` },
    }),
  );
  const ofAnalysis = run.reports.flatMap((report) =>
    report.problems.map(
      (problem): Notification => ({
        level: isFailure(problem) ? 'error' : 'warning',
        message: { text: problem.message },
        locations: [{ physicalLocation: { artifactLocation: artifactOf(report.path, cwd) } }],
      }),
    ),
  );
  return [...ofInput, ...ofAnalysis];
}

/** Relative to the working directory where the file is below it, else absolute. */
function artifactOf(shownPath: string, cwd: string): ArtifactLocation {
  const relative = path.relative(cwd, path.resolve(cwd, shownPath));
  const inside = relative !== '' && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== '..';
  if (!inside) return { uri: pathToFileURL(path.resolve(cwd, shownPath)).href };
  return { uri: relative.split(path.sep).map(encodeURIComponent).join('/'), uriBaseId: 'SRCROOT' };
}

function folderUri(folder: string): string {
  return `${pathToFileURL(folder).href.replace(/\/$/, '')}/`;
}
