/** Differences between model and recording that are understood, each with its reason. docs/engine.md lists them. */
export interface KnownDifference {
  readonly boot: string;
  readonly scenario: RegExp;
  readonly what: RegExp;
  readonly reason: string;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    boot: 'A',
    scenario: /^h_mig_thp_(none|get|pin)$/,
    what: /^(new|moved)\.active$/,
    reason:
      'whether a page that comes back from swap is put on the active list depends on how many pages were reclaimed since (workingset refault), which the model does not count',
  },
];
