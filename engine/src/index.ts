/** Public API of the engine. */
export { compare, type Difference } from './explore/compare.ts';
export {
  type Bounds,
  DEFAULT_STATE_BOUND,
  type ExploreOptions,
  explore,
  exploreFully,
  type FullExploration,
} from './explore/explore.ts';
export { canonicalText } from './protocol/canonical.ts';
export * from './protocol/flags.ts';
export * from './protocol/scenario.ts';
export * from './protocol/steps.ts';
export * from './protocol/trace.ts';
