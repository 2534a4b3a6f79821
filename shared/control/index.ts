export { ControlState, keyOf, laneKey, workerKey, type LaneHold, type WorkerDrain } from './control-state.ts';
export { followControl, type FollowControlOptions } from './follow-control.ts';
