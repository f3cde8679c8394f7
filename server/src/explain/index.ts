/** From a finding to what the engine showed. */
export { Explainer, type ExplainOptions, STATE_BOUND, trialText } from './explainer.ts';
export type { ExplainedStep, Explanation, Trial } from './explanation.ts';
export { finalLevel } from './level.ts';
