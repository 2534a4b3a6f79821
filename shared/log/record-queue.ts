import type { LogRecord } from './types.ts';

/** Records of one partition that wait for delivery, in offset order. */
export interface RecordQueue {
  peek(): LogRecord | undefined;
  shift(): LogRecord | undefined;
  /** Records that wait, and those known to follow. */
  readonly lag: number;
}
