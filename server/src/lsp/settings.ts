/** Settings of one resource: `gupcheck.kernel`, `gupcheck.level`, `gupcheck.rules`. Validated; what is wrong gets its default. */
import { LEVELS, type Level } from '../rules/finding.ts';
import { type KernelVersion, parseKernelVersion } from '../syntax/preprocess/version.ts';

export interface Settings {
  /** Kernel release that the code is for; without it the tree around the file decides. */
  readonly kernel?: KernelVersion;
  /** Findings below this level are not shown. */
  readonly level: Level;
  /** Levels by rule code, instead of the rules' own. */
  readonly rules: Readonly<Record<string, Level | 'off'>>;
}

export const DEFAULT_SETTINGS: Settings = { level: 'warning', rules: {} };

/** Reads the value of the section `gupcheck`. `complain` gets one line for each thing that is wrong. */
export function readSettings(
  raw: unknown,
  codes: ReadonlySet<string>,
  complain: (line: string) => void,
): Settings {
  if (raw === undefined || raw === null) return DEFAULT_SETTINGS;
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    complain(`setting gupcheck: ${shown(raw)} is not an object; using the defaults`);
    return DEFAULT_SETTINGS;
  }
  const { kernel, level, rules } = raw as Record<string, unknown>;
  const release = readKernel(kernel, complain);
  return {
    ...(release !== undefined && { kernel: release }),
    level: readLevel(level, complain),
    rules: readRules(rules, codes, complain),
  };
}

function readKernel(value: unknown, complain: (line: string) => void): KernelVersion | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const release = typeof value === 'string' ? parseKernelVersion(value) : undefined;
  if (release === undefined) {
    complain(
      `setting gupcheck.kernel: ${shown(value)} is not a release such as "6.12"; taking that of the tree around the file`,
    );
  }
  return release;
}

function readLevel(value: unknown, complain: (line: string) => void): Level {
  if (value === undefined || value === null) return DEFAULT_SETTINGS.level;
  const level = LEVELS.find((each) => each === value);
  if (level === undefined) {
    complain(
      `setting gupcheck.level: ${shown(value)} is none of ${LEVELS.join(', ')}; using ${DEFAULT_SETTINGS.level}`,
    );
  }
  return level ?? DEFAULT_SETTINGS.level;
}

function readRules(
  value: unknown,
  codes: ReadonlySet<string>,
  complain: (line: string) => void,
): Settings['rules'] {
  if (value === undefined || value === null) return DEFAULT_SETTINGS.rules;
  if (typeof value !== 'object' || Array.isArray(value)) {
    complain(`setting gupcheck.rules: ${shown(value)} is not an object; using the rules' own levels`);
    return DEFAULT_SETTINGS.rules;
  }
  const rules: Record<string, Level | 'off'> = {};
  for (const [code, wanted] of Object.entries(value)) {
    const level = wanted === 'off' ? wanted : LEVELS.find((each) => each === wanted);
    if (!codes.has(code)) complain(`setting gupcheck.rules: there is no rule ${shown(code)}; ignoring it`);
    else if (level === undefined) {
      complain(
        `setting gupcheck.rules: ${shown(wanted)} for ${code} is none of off, ${LEVELS.join(', ')}; using the rule's own level`,
      );
    } else rules[code] = level;
  }
  return rules;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
