export { Autoscaler } from './autoscaler.ts';
export { LoadMeter } from './load-meter.ts';
export { readSchedulerReport } from './read-report.ts';
export { StartTimes } from './start-times.ts';
export { Trend } from './trend.ts';
export { SCALING_DEFAULTS, type LoadSample, type ScalingDecision, type ScalingRules } from './types.ts';
