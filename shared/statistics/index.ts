export { Latencies } from './latencies.ts';
export { median, quantile, quantiles } from './quantile.ts';
export { spreadOf, type Spread } from './spread.ts';
