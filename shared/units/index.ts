export { MEBIBYTE } from './bytes.ts';
export { WHOLE_NUMBERS } from './whole-numbers.ts';
