export { CircuitBreaker, type BreakerOptions, type BreakerPermit, type BreakerState } from './circuit-breaker.ts';
