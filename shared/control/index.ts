export { ControlState, keyOf, laneKey, SCHEDULER, workerKey, type LaneHold, type WorkerDrain } from './control-state.ts';
export { followControl, type FollowControlOptions } from './follow-control.ts';
export { checkExperiment, type CheckedExperiment } from './check-experiment.ts';
export { experimentRecords, removalRecords, type ExperimentDeed } from './experiment-records.ts';
export { releaseRecords, type Release } from './release-records.ts';
export { promotionOf, rollbackOf, type Promotion } from './releases.ts';
export { experimentNamed, wished, type ExperimentWish } from './operate-experiment.ts';
