export type { Adapter, PrepareContext, Prepared, UserHistory } from './adapters/types.ts';
export {
  decide, fixedPolicy, meetingFloor, readySteps, thresholdPolicy, THRESHOLD_DEFAULTS,
  type ClusterState, type Decision, type DecisionContext, type Policy, type ThresholdOptions, type VariantState,
} from './policy/index.ts';
export { Join, STRATEGIES, type StepOutcome, type StepWithResult, type Strategy, type Verdict } from './fusion/index.ts';
