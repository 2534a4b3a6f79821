export { TandemError, RecordError, isRetryable, messageOf, type TandemErrorOptions } from './tandem-error.ts';
export { tlsAdvice } from './tls-advice.ts';
