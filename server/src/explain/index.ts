/** From a finding to what the engine showed. */
export { Explainer, STATE_BOUND } from './explainer.ts';
export type { ExplainedStep, Explanation } from './explanation.ts';
export { finalLevel } from './level.ts';
