export { readExperimentFile } from './experiment-file.ts';
export { readExperiments } from './read-experiments.ts';
export { listText, reportText } from './report-text.ts';
