export { lineCharts, type Panel, type Series } from './line-charts.ts';
