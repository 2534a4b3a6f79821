export { Quotas, type QuotaRules } from './quotas.ts';
