export { ExperimentBook, type OverwrittenExperiment, type ShadowRuling } from './experiment-book.ts';
export { controlArm, servingArms } from './arms.ts';
export { decideInExperiment, isOfArm, type RuledDecision } from './decide-arm.ts';
export { ExperimentTallies } from './experiment-tally.ts';
export { agreement, answerOfArm } from './answer-of-arm.ts';
export { ReportBook, reportKey, type CountsByArm } from './report-book.ts';
export { actionFor, type ExperimentAction } from './verdict.ts';
export { allRolledBack, applied, promoted, reweighted, rolledBack, started, stopped, weightsProblem, type Change } from './changes.ts';
export { summaryOf, type ArmSummary, type ExperimentSummary } from './summary.ts';
