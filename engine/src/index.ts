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
export { finish, type Slices } from './explore/slices.ts';
export { dumpPage } from './gup-test/dump-page.ts';
export { type GupTestOptions, GupTestUsage, parseGupTest } from './gup-test/options.ts';
export { type GupTestResult, runGupTest } from './gup-test/run.ts';
export {
  LitmusError,
  type LitmusTest,
  OBSERVATIONS,
  type Observation,
} from './litmus/ast.ts';
export { type FromScenarioOptions, scenarioToLitmus } from './litmus/from-scenario.ts';
export { type LoweredTest, lowerLitmus } from './litmus/lower.ts';
export { parseLitmus, parseLitmusFile } from './litmus/parser.ts';
export { printLitmus } from './litmus/printer.ts';
export {
  type FinalState,
  type LitmusOptions,
  type LitmusResult,
  litmusReport,
  runLitmus,
} from './litmus/run.ts';
export { canonicalText } from './protocol/canonical.ts';
export * from './protocol/flags.ts';
export * from './protocol/scenario.ts';
export * from './protocol/steps.ts';
export * from './protocol/trace.ts';
