export { PassingMap } from './passing-map.ts';
