export { MEBIBYTE } from './bytes.ts';
