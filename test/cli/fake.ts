/**
 * An analyzer without analysis: it reports a GUP201 on every call of get_user_pages_fast(), and what a test's text asks
 * for in comments (`crash`, `rule-threw`, `explain-crash`, `budget`, `partly`, `note`). Front ends are tested with it.
 */
import type { FolioView, Snapshot } from '#engine/protocol/trace.ts';
import type { ExplainedStep, Explanation } from '#server/explain/explanation.ts';
import { NO_EXPORTS } from '#server/flow/file.ts';
import type { FixingAnalyzer } from '#server/linter/file/analyzer.ts';
import type { AnalysisProblem, FileAnalysis } from '#server/rules/analyze.ts';
import type { Finding } from '#server/rules/finding.ts';
import type { Rule } from '#server/rules/rule.ts';
import type { Range } from '#server/syntax/range.ts';

const API = 'get_user_pages_fast';

const rule: Rule = {
  code: 'GUP201',
  name: 'write-under-get',
  summary: 'The CPU writes to the data of pages taken with get_user_pages*.',
  defaultLevel: 'error',
  documentSection: 'CASE 5',
  documentLines: '1-2',
  check: () => [],
  rationale: 'The page may be replaced while the driver writes to it.',
  bad: 'get_user_pages_fast(addr, 1, FOLL_WRITE, &page);',
  good: 'pin_user_pages_fast(addr, 1, FOLL_WRITE, &page);',
};

export const fakeAnalyzer: FixingAnalyzer = {
  rules: [rule, { ...rule, code: 'GUP303', name: 'leak', defaultLevel: 'warning' }],
  analyze(_path, text): FileAnalysis {
    if (text.includes('/* crash */')) throw new Error('the sky fell');
    const findings: Finding[] = [];
    for (let at = text.indexOf(`${API}(`); at >= 0; at = text.indexOf(`${API}(`, at + 1)) {
      findings.push(findingAt(text, { start: at, end: at + API.length }));
    }
    return {
      findings,
      suspects: [],
      functions: 1,
      partlyRead: text.includes('/* partly */') ? ['f'] : [],
      problems: problemsOf(text),
      exports: NO_EXPORTS,
    };
  },
  // biome-ignore lint/correctness/useYield: an explanation that needs no exploration is one slice
  *explain(finding) {
    if (finding.message.includes('explain-crash')) throw new Error('the engine fell');
    return explanationOf(finding);
  },
  // Another name, which the analysis does not know: the finding goes.
  proposeFixes({ range }, _path, text) {
    const fix = {
      title: 'Use pin_user_pages_fast()',
      safety: text.includes('/* unsafe */') ? ('unsafe' as const) : ('safe' as const),
      edits: [{ range: { start: range.start, end: range.start + 3 }, newText: 'pin' }],
      ...(text.includes('/* remark */') && { remarks: ['the branch B of the #if at line 1 was not read'] }),
    };
    const advice = { title: 'Pin the page', reason: 'the text says so' };
    return { candidates: text.includes('/* refuse */') ? [] : [fix], advice };
  },
  recheck: () => ({ proved: true }),
  finalLevel: (finding, base) => (finding.certainty === 'possible' ? 'note' : base),
};

function problemsOf(text: string): AnalysisProblem[] {
  if (text.includes('/* rule-threw */')) return [{ kind: 'rule-threw', message: 'GUP999 failed: oops' }];
  if (text.includes('/* budget */')) return [{ kind: 'budget', message: 'f(): too many paths' }];
  return [];
}

function findingAt(text: string, range: Range): Finding {
  const put = text.indexOf('put_page(', range.end);
  return {
    code: 'GUP201',
    certainty: text.includes('/* note */') ? 'possible' : 'certain',
    message: text.includes('/* explain-crash */')
      ? 'explain-crash'
      : 'The page is written under a plain reference.',
    range,
    function: 'f',
    api: API,
    site: { function: 'f', range },
    related:
      put < 0 ? [] : [{ range: { start: put, end: put + 'put_page'.length }, message: 'released here' }],
  };
}

function explanationOf(finding: Finding): Explanation {
  const got = folio({ refcount: 2, held: 1 });
  const copied = folio({
    refcount: 1,
    held: 1,
    mapcount: 0,
    mappedBy: [],
    content: 'driver#1',
    flags: ['uptodate', 'lru'],
  });
  const other = folio({ name: 'B', mappedBy: ['parent:0'] });
  return {
    verdict: 'shown',
    summary: 'With a fork in between, the bytes never reach the process.',
    assumptions: ['The buffer is private anonymous memory, 1 page.', 'The process may fork at any moment.'],
    steps: [
      step(
        'driver',
        `${API}(p, 1, FOLL_WRITE, pages)`,
        snapshot([folio({})]),
        snapshot([got]),
        finding.range,
        1,
      ),
      step('fork-parent-write', 'fork(); *p = 1', snapshot([got]), snapshot([copied, other])),
    ],
    damage: 'the bytes written to folio A never reach the process: it now maps folio B',
    property: 'lost-write',
    documentForm: 'With pin_user_pages_fast() the child gets the copy, and the process sees the bytes.',
    tried: [],
    kernel: [],
    explored: { states: 12, executions: 3, bounded: false },
    reach: 'That is all there are.',
  };
}

function step(
  actor: string,
  call: string,
  before: Snapshot,
  after: Snapshot,
  range?: Range,
  ret?: number,
): ExplainedStep {
  return {
    actor,
    call,
    note: `${actor} takes its turn.`,
    warnings: [],
    before,
    after,
    ...(range !== undefined && { range, driverStep: 0 }),
    ...(ret !== undefined && { ret }),
  };
}

function snapshot(folios: FolioView[]): Snapshot {
  return { folios, vmstat: { acquired: 0, released: 0 } };
}

function folio(values: Partial<FolioView>): FolioView {
  return {
    name: 'A',
    order: 0,
    refcount: 1,
    mapcount: 1,
    pincount: null,
    maybeDmaPinned: false,
    flags: ['uptodate', 'lru', 'anon-exclusive'],
    content: 'old',
    mappedBy: ['parent:0'],
    held: 0,
    ...values,
  };
}
