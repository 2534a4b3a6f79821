export { between, exponential, lognormal, pick, seededRandom, shuffled } from './seeded-random.ts';
