export { LossControls, TOO_MUCH } from './loss-controls.ts';
