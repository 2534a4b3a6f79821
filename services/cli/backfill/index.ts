export { diskFiles, pathsOf, type JobFiles } from './files.ts';
export { openFile, openStandardInput, type InputSource } from './input.ts';
export { BackfillJob, topicsOfBackfill, type BackfillProgress } from './job.ts';
export { DEFAULT_IN_FLIGHT, DEFAULT_PATIENCE_MS, type BackfillOptions } from './options.ts';
export { openReplay, parseReplay, resolveReplay, type OffsetRange } from './replay-source.ts';
export { summaryText, type BackfillSummary } from './summary.ts';
export { createBackfillView } from './view.ts';
export { parseWindow } from './window.ts';
