export { endsSoFar, Join, type Verdict } from './join.ts';
export { STRATEGIES, type Strategy, type StepWithResult } from './strategies.ts';
