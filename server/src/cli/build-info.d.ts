/** Filled in by scripts/build-info.mjs when the program is bundled, and by vitest. */
declare module 'virtual:gupcheck-build' {
  /** Version of package.json. */
  export const version: string;
  /** Text of docs/rules/GUPnnn.md by rule code. */
  export const rulePages: Readonly<Record<string, string>>;
}
