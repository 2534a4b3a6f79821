export type { Adapter, PrepareContext, Prepared, UserHistory } from './adapters/types.ts';
