export { Autoscaler } from './autoscaler.ts';
export { LoadMeter } from './load-meter.ts';
export { readSchedulerReport } from './read-report.ts';
export { Trend } from './trend.ts';
export { SCALING_DEFAULTS, type LoadSample, type ScalingDecision, type ScalingRules } from './types.ts';
