export { prepareDemo, runDemo, type DemoOptions, type DemoTerminal, type Flow, type PreparedDemo } from './demo.ts';
export { runReplay, type ReplayOptions, type ReplayOutcome, type ReplayPhase, type ReplayProgress } from './replay.ts';
export { createReplayPlan, isHeldOut, type PlannedEvent, type PlannedUser, type ReplayPlan } from './replay-plan.ts';
export { summarise, succeeded, type Summary } from './summary.ts';
