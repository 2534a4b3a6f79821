export { prepareDemo, recommendWorkload, runDemo, type DemoOptions, type DemoTerminal, type PreparedDemo } from './demo.ts';
