export { simulate } from './simulate.ts';
export type { SimulationFigures } from './tally.ts';
export type { ClusterSpec, MachineSpec, SimulationSpec, StageCosts, TrafficSpec, WorkerSpec, WorkKind } from './spec.ts';
export type { Fault } from './flow/faults.ts';
export { curveTimes, linearTimes, measuredTimes, scaledTimes, type BatchSample, type CurvePoint, type ServiceTimes } from './model/service-times.ts';
export { hopAround, IN_MEMORY, measuredHop, uniformHops, type Hop, type HopTimes } from './model/hop-times.ts';
