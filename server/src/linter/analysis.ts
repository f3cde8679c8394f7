/** The real analysis behind the seam: parser, rules and engine. */
import { Explainer, finalLevel } from '../explain/index.ts';
import { analyzeFile } from '../rules/analyze.ts';
import { RULES } from '../rules/index.ts';
import type { Rule } from '../rules/rule.ts';
import { createParser, type ParserOptions } from '../syntax/parser.ts';
import {
  compareKernelVersions,
  type KernelVersion,
  parseKernelVersion,
} from '../syntax/preprocess/version.ts';
import { openSource } from '../syntax/source.ts';
import type { Analyzer } from './analyzer.ts';
import { PROTOCOL_WORDS } from './interest.ts';

/** Where nothing decides an `#if`, the branch that pins pages is the one to read. */
const prefer = new RegExp(PROTOCOL_WORDS.join('|'));

/** The analyzer with all rules. */
export async function createAnalyzer(options: ParserOptions = {}): Promise<Analyzer> {
  const parser = await createParser(options);
  const explainer = new Explainer();
  return {
    rules: RULES,
    analyze(path, text, kernel) {
      const source = openSource(path, text, { kernelVersion: kernel, prefer });
      const rules = RULES.filter((rule) => appliesTo(rule, kernel));
      return analyzeFile(source, parser, rules);
    },
    explain: (finding) => explainer.explain(finding, ruleOf(finding.code)),
    finalLevel,
  };
}

function ruleOf(code: string): Rule {
  const rule = RULES.find((each) => each.code === code);
  if (rule === undefined) throw new Error(`no rule has the code ${code}`);
  return rule;
}

/** Whether a rule is about this kernel release: `since` and `until` are both included. */
function appliesTo(rule: Rule, kernel: KernelVersion): boolean {
  const bound = (text: string | undefined) => (text === undefined ? undefined : parseKernelVersion(text));
  const release = { ...kernel, patch: 0 };
  const since = bound(rule.since);
  const until = bound(rule.until);
  return (
    (since === undefined || compareKernelVersions(release, since) >= 0) &&
    (until === undefined || compareKernelVersions(release, until) <= 0)
  );
}
