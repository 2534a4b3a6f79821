export type { Intake, Stage, StageContext, StageInput, StageName, StageOutput } from './types.ts';
export type { RunnerOptions } from './options.ts';
export { Chain, chainGroup, stagesOfGroup, type ChainOptions } from './chain.ts';
export { HandedOver, JsonOutput } from './json-records.ts';
export { RunningStage } from './running-stage.ts';
export { deadLetter, positionOf, type DeadLetterCause } from './dead-letter.ts';
export { stageReaders } from './stage-readers.ts';
export { carriedHeaders } from './headers.ts';
export { readJson, readRecord } from './read-record.ts';
