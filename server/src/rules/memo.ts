/** Findings kept between two versions of a file's text, moved to where their functions are now. */
import type { Moves } from '../flow/facts/sense.ts';
import { FlowMemo, type RunIdentity } from '../flow/memo.ts';
import type { Range } from '../syntax/range.ts';
import type { SourceFile } from '../syntax/source.ts';
import { type Finding, withRanges } from './finding.ts';

/** Moves a place, whatever else is said about it. */
type Shift = <T extends Range>(range: T) => T;

interface Kept {
  readonly findings: readonly Finding[];
  /** Where the functions that the findings speak of were, by name. */
  readonly places: readonly (Range & { readonly name: string })[];
  /** What was asked of the whole file, and the answers. */
  readonly asked: readonly (readonly [RegExp, boolean])[];
}

/** What one file's analysis leaves for the next version of the file. */
export class AnalysisMemo {
  readonly flow = new FlowMemo((identity, moved) => this.#holds(identity, moved));
  readonly #kept = new WeakMap<RunIdentity, Kept>();
  readonly #answers = new Map<RegExp, boolean>();
  /** Of runs whose functions have other texts now that mean the same: how places in these have moved. */
  readonly #moved = new Map<RunIdentity, ReadonlyMap<string, Moves>>();
  #text = '';

  /** Starts a version of the file: everything below refers to it. */
  begin({ text }: SourceFile): void {
    if (text !== this.#text) this.#answers.clear();
    this.#text = text;
    this.#moved.clear();
  }

  /** Whether the pattern matches anywhere in the file. */
  mentions(pattern: RegExp): boolean {
    const answer = this.#answers.get(pattern) ?? pattern.test(this.#text);
    this.#answers.set(pattern, answer);
    return answer;
  }

  /** Whether what the findings of a run were made of, besides the run, is as it was. */
  #holds(identity: RunIdentity, moved: ReadonlyMap<string, Moves>): boolean {
    const kept = this.#kept.get(identity);
    if (kept === undefined) return true;
    if (!kept.asked.every(([pattern, answer]) => this.mentions(pattern) === answer)) return false;
    if (moved.size === 0) return true;
    this.#moved.set(identity, moved);
    let known = true;
    const check: Shift = (range) => {
      const place = kept.places.find(({ start, end }) => start <= range.start && range.end <= end)!;
      const moves = moved.get(place.name);
      known &&=
        moves === undefined ||
        (moves.start(range.start - place.start) !== undefined &&
          moves.end(range.end - place.start) !== undefined);
      return range;
    };
    for (const finding of kept.findings) withRanges(finding, check);
    return known;
  }

  /** The findings of a remembered run, at their places in `source`. */
  recall(identity: RunIdentity, source: SourceFile): readonly Finding[] {
    const kept = this.#kept.get(identity);
    if (kept === undefined || kept.findings.length === 0) return [];
    const moved = this.#moved.get(identity);
    const starts = new Map(source.functions.map(({ name, start }) => [name, start]));
    const shift: Shift = (range) => {
      const place = kept.places.find(({ start, end }) => start <= range.start && range.end <= end)!;
      const start = starts.get(place.name)!;
      const moves = moved?.get(place.name);
      const from = range.start - place.start;
      const to = range.end - place.start;
      return { ...range, start: start + (moves?.start(from) ?? from), end: start + (moves?.end(to) ?? to) };
    };
    const findings = kept.findings.map((finding) => withRanges(finding, shift));
    if (moved !== undefined) {
      const names = new Set(kept.places.map(({ name }) => name));
      const places = source.functions.filter(({ name }) => names.has(name));
      this.#kept.set(identity, { ...kept, findings, places });
    }
    return findings;
  }

  /** Keeps the findings of a run. A finding with a place outside the run's functions cannot be moved: none is kept then. */
  keep(
    identity: RunIdentity,
    findings: readonly Finding[],
    patterns: Iterable<RegExp>,
    source: SourceFile,
  ): void {
    const asked = [...patterns].map((pattern) => [pattern, this.mentions(pattern)] as const);
    const reach = new Set(identity.reach);
    const places = source.functions.filter(({ name }) => reach.has(name));
    let known = true;
    const check: Shift = (range) => {
      known &&= places.some(({ start, end }) => start <= range.start && range.end <= end);
      return range;
    };
    for (const finding of findings) withRanges(finding, check);
    if (known) this.#kept.set(identity, { findings, places, asked });
    else this.flow.forget(identity);
  }
}
