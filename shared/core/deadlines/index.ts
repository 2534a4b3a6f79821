export { answerMarginMs, closesAt, dueAt } from './deadlines.ts';
