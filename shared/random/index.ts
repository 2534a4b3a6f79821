export {
  burstyArrivals, diurnalArrivals, poissonArrivals, recordedArrivals, regularArrivals, type Arrivals, type BurstOptions, type DiurnalOptions,
} from './arrivals.ts';
export { between, exponential, lognormal, pick, seededRandom, shuffled } from './seeded-random.ts';
export { zipf } from './zipf.ts';
