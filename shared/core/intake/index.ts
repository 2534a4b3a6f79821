export { LossControls } from './loss-controls.ts';
