/** Errors of use: one line, `gupcheck: place: what; cure`, and exit status 2. */

/** Something the user can mend. */
export class UserError extends Error {
  readonly place: string;
  readonly cure: string;

  /** `place` is a path, an option or a command; `cure` says what to do instead. */
  constructor(place: string, what: string, cure: string) {
    super(what);
    this.place = place;
    this.cure = cure;
  }
}

/** The one line that is printed about a problem. */
export function problemLine(problem: {
  readonly place: string;
  readonly what: string;
  readonly cure: string;
}) {
  return `gupcheck: ${problem.place}: ${problem.what}; ${problem.cure}`;
}

export const exitStatus = { clean: 0, findings: 1, failure: 2 } as const;
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];
