export type { Stage, StageContext, StageInput, StageName, StageOutput } from './types.ts';
