export { LossControl, type Asked } from './loss-control.ts';
