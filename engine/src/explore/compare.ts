/** A verdict is a difference: what breaks as written, and does not in the document's form, in the same environment. */
import type { Scenario } from '../protocol/scenario.ts';
import type { Counterexample, Exploration, PropertyName } from '../protocol/trace.ts';
import {
  type ExploreOptions,
  type FullExploration,
  type Survey,
  shortestOf,
  surveySlices,
} from './explore.ts';
import { ALL_PROPERTIES, NOTES } from './properties/index.ts';
import { finish, type Slices } from './slices.ts';

export interface Difference {
  /** The first breaks a property that the second keeps. */
  readonly shown: boolean;
  /** That property; the gravest of several. */
  readonly property?: PropertyName;
  /** `written.counterexample` breaks `property`, when shown. */
  readonly written: Exploration;
  readonly document: Exploration;
  /** Properties that the path as written breaks, the gravest first. */
  readonly broken: readonly PropertyName[];
  /** Properties that the document's form breaks as well: what the fix does not repair. */
  readonly remaining: readonly PropertyName[];
}

export interface CompareOptions extends ExploreOptions {
  /**
   * The document's form keeps every property where its acquiring call fails although the path as written goes on: such
   * a call holds nothing (FOLL_LONGTERM on DAX memory). Else a form that is refused shows nothing.
   */
  readonly refusalKeeps?: boolean;
  /** Do without the counterexample, which counterexampleSlices() finds later. */
  readonly verdictOnly?: boolean;
}

/**
 * Explores both forms. A form that is refused, or a document's form that hit a bound, shows nothing: an unfinished
 * search is no proof that a property is kept.
 */
export function compare(
  asWritten: Scenario,
  documentForm: Scenario,
  options: CompareOptions = {},
): Difference {
  return finish(compareSlices(asWritten, documentForm, options));
}

/** As compare(), in slices. */
export function* compareSlices(
  asWritten: Scenario,
  documentForm: Scenario,
  options: CompareOptions = {},
): Slices<Difference> {
  const written = yield* surveySlices(asWritten, options);
  const document = (yield* surveySlices(documentForm, options)).exploration;
  const remaining = document.broken.filter((name) => !isNote(name));
  const fails = options.refusalKeeps === true && (document.refusedWith ?? 0) < 0;
  const comparable =
    written.verdict === 'broken' && document.bounded !== true && (document.verdict !== 'refused' || fails);
  const property = comparable
    ? written.exploration.broken.find((name) => !isNote(name) && !document.broken.includes(name))
    : undefined;
  const shown = property !== undefined;
  const told = shown ? written.properties.filter(({ name }) => name === property) : deciding(written);
  const counterexample =
    written.verdict === 'broken' && options.verdictOnly !== true
      ? yield* shortestOf(asWritten, options, told)
      : undefined;
  return {
    shown,
    ...(shown ? { property } : {}),
    written: { ...plain(written.exploration), ...(counterexample === undefined ? {} : { counterexample }) },
    document: plain(document),
    broken: deciding(written).map(({ name }) => name),
    remaining,
  };
}

/**
 * The shortest run that breaks a property, in slices. Where the bound ends the search for the shortest first, a short one;
 * undefined where the property does not break within the bounds.
 */
export function* counterexampleSlices(
  scenario: Scenario,
  property: PropertyName,
  options: ExploreOptions = {},
): Slices<Counterexample | undefined> {
  const properties = ALL_PROPERTIES.filter(({ name }) => name === property);
  const shortest = yield* shortestOf(scenario, options, properties);
  return shortest ?? (yield* shortestOf(scenario, options, properties, true));
}

function deciding({ properties }: Survey): Survey['properties'] {
  return properties.filter(({ name }) => !isNote(name));
}

function isNote(name: PropertyName): boolean {
  return NOTES.some((note) => note.name === name);
}

function plain(full: FullExploration): Exploration {
  const { broken: _broken, bytesPerState: _bytes, show: _show, ...exploration } = full;
  return exploration;
}
