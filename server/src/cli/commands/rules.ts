import { type Command, Option } from 'commander';
import { ruleUrl } from '../../linter/text/rule-url.ts';
import { levelFormat } from '../../linter/text/style.ts';
import { type ExitStatus, exitStatus, UserError } from '../failure.ts';
import type { Host } from '../host.ts';
import { rulePage } from '../rule-page.ts';

/** `gupcheck rules` and `gupcheck explain CODE` */
export function addRules(program: Command, host: Host, finish: (status: ExitStatus) => void): void {
  program
    .command('rules')
    .summary('list the rules')
    .description('Lists the rules with their default levels.')
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'json']).default('text'))
    .action(async ({ format }: { format: string }) => {
      host.print(format === 'json' ? await rulesJson(host) : await rulesTable(host));
      finish(exitStatus.clean);
    });
  program
    .command('explain')
    .summary('print the page of a rule')
    .description('Prints what a rule finds, why it is wrong, and what to write instead.')
    .argument('<code>', 'code or name of a rule, for instance GUP201 or write-under-get')
    .action(async (code: string) => {
      const { rules } = await host.analyzer();
      const rule = rules.find((each) => each.code === code.toUpperCase() || each.name === code.toLowerCase());
      if (rule === undefined) throw new UserError(code, 'no such rule', 'gupcheck rules lists them');
      host.print(`${rulePage(rule).trimEnd()}\n`);
      finish(exitStatus.clean);
    });
}

async function rulesTable({ analyzer, style }: Host): Promise<string> {
  const { rules } = await analyzer();
  const width = Math.max(...rules.map(({ name }) => name.length));
  return rules
    .map(({ code, name, defaultLevel, summary }) => {
      const level = style(levelFormat[defaultLevel], defaultLevel.padEnd('warning'.length));
      return `${style('bold', code)}  ${name.padEnd(width)}  ${level}  ${summary}\n`;
    })
    .join('');
}

async function rulesJson({ analyzer }: Host): Promise<string> {
  const { rules } = await analyzer();
  const rows = rules.map((rule) => ({
    code: rule.code,
    name: rule.name,
    defaultLevel: rule.defaultLevel,
    summary: rule.summary,
    rationale: rule.rationale,
    documentSection: rule.documentSection,
    documentLines: rule.documentLines,
    explainable: rule.run !== undefined,
    since: rule.since,
    until: rule.until,
    bad: rule.bad,
    good: rule.good,
    url: ruleUrl(rule.code),
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}
