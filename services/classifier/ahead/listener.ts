import type { Request } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';

/** What of a classifier's work says which requests are likely. Called synchronously; must not throw. */
export interface AheadListener {
  /** An interactive request that has become a task. */
  asked(request: Request, record: Pick<LogRecord, 'headers' | 'value'>): void;
  /** An interaction of the user is in the feature store. */
  acted(userId: string): void;
  erased(userId: string): void;
}
