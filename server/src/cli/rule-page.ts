/** A rule's page: bundled text of docs/rules where there is one, else made from the rule's metadata. */
import { rulePages } from 'virtual:gupcheck-build';
import type { Rule } from '../rules/rule.ts';

/** The page as Markdown, with a line break at its end. */
export function rulePage(rule: Rule): string {
  return rulePages[rule.code] ?? pageFromMetadata(rule);
}

/** Help for viewers that know Markdown and for those that do not. */
export function ruleHelp(rule: Rule): { text: string; markdown: string } {
  const { summary, rationale, documentSection } = rule;
  return {
    text: `${summary}\n\n${rationale}\n\nInstead of\n\n${rule.bad}\n\nwrite\n\n${rule.good}\n\nSee ${documentSection} in the kernel's pin_user_pages.rst.`,
    markdown: rulePage(rule),
  };
}

function pageFromMetadata(rule: Rule): string {
  const code = (text: string) => `\`\`\`c\n${text.trimEnd()}\n\`\`\``;
  return [
    `# ${rule.code}: ${rule.name}`,
    rule.summary,
    `Level: ${rule.defaultLevel}. Document: pin_user_pages.rst, ${rule.documentSection}.`,
    '## Why',
    rule.rationale,
    '## Bad',
    code(rule.bad),
    '## Good',
    `${code(rule.good)}\n`,
  ].join('\n\n');
}
