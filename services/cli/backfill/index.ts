export { diskFiles, pathsOf } from './files.ts';
export { openFile, openStandardInput } from './input.ts';
export { BackfillJob } from './job.ts';
export { DEFAULT_IN_FLIGHT, DEFAULT_PATIENCE_MS, type BackfillOptions } from './options.ts';
export { openReplay, parseReplay, resolveReplay } from './replay-source.ts';
export { summaryText, type BackfillSummary } from './summary.ts';
export { createBackfillView } from './view.ts';
export { parseWindow } from './window.ts';
