export { makeFolder, type InitOptions, type MadeFolder } from './make-folder.ts';
