/** Where a rule's page can be read on the web. */
export function ruleUrl(code: string): string {
  return `https://github.com/gupcheck/gupcheck/blob/main/docs/rules/${code}.md`;
}
