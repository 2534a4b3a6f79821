import { systemClock, type Clock } from '../../clock/index.ts';
import { z } from 'zod';
import { parse } from '../consumer-options.ts';

/** How much a log inside the process keeps, and whose time it has. */
export interface EmbeddedLogOptions {
  /** Records that every group has consumed are kept up to this many bytes, for groups that come later. @default 67108864 */
  retainBytes?: number;
  /**
   * Hard bound of all records together; beyond it `send` throws `log_full` (retryable). The last quarter takes only
   * records of topics that hold less than their equal share of it, so that consumers of a topic that fills the log can
   * write on. @default 268435456
   */
  maxBytes?: number;
  /** For timestamps, retention and timers. @default the system's */
  clock?: Clock;
  /** Runs a callback in another turn of the event loop; a simulation passes its own. @default setImmediate */
  defer?: (callback: () => void) => void;
}

export type ResolvedEmbeddedLogOptions = Required<EmbeddedLogOptions>;

const bounds = z
  .object({ retainBytes: z.int().min(0).default(67_108_864), maxBytes: z.int().min(1).default(268_435_456) })
  .refine(({ retainBytes, maxBytes }) => retainBytes <= maxBytes, { message: 'retainBytes must not exceed maxBytes', path: ['retainBytes'] });

/** @throws {TandemError} `invalid_option`, naming the option */
export function resolveEmbeddedLogOptions({ clock, defer, ...rest }: EmbeddedLogOptions = {}): ResolvedEmbeddedLogOptions {
  return {
    ...parse(bounds, 'embedded log', rest),
    clock: clock ?? systemClock,
    defer: defer ?? ((callback) => void setImmediate(callback)),
  };
}
