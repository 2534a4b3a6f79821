export { createSchedulerStage, type SchedulerObserver, type SchedulerOptions } from './stage.ts';
