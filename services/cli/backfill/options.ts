import { DEFAULT_PREFIX, MAX_RECORD_BYTES } from '@tandem/schemas';
import { systemClock, type Clock } from '@tandem/shared/clock';
import type { EventLog } from '@tandem/shared/log';
import type { InputSource } from './input.ts';
import type { JobFiles } from './files.ts';
import type { OffsetRange } from './replay-source.ts';
import type { DailyWindow } from './window.ts';

export interface BackfillOptions {
  log: EventLog;
  files: JobFiles;
  /** Of topics. @default 'tandem.' */
  prefix?: string;
  /**
   * Opens the input; ranges are those of the job that is resumed, where it is a replay.
   * @param ranges undefined: a new job
   */
  openInput: (ranges: readonly OffsetRange[] | undefined) => Promise<{ source: InputSource; ranges?: OffsetRange[] }>;
  /** In ids of requests that have none. @default from the input */
  job?: string | undefined;
  /** Put behind every request id. `true`: `-<job>`. @default none */
  idSuffix?: string | true | undefined;
  dropDeadlines?: boolean;
  /** Begins anew, whatever is there. */
  restart?: boolean;
  /** Requests per second; undefined: as many as the flow takes. */
  rate?: number | undefined;
  window?: DailyWindow | undefined;
  whenIdle?: boolean;
  /** Requests that are sent and not answered, at most. @default 10000 */
  inFlight?: number;
  /** Without any response for so long, although some are outstanding, the job ends unfinished. @default 600000 */
  patienceMs?: number;
  /** A dead letter stands for the answer when none has come for so long after it. @default 10000 */
  deadLetterGraceMs?: number;
  /** @default 250 */
  pollMs?: number;
  /** @default 1000 */
  saveMs?: number;
  clock?: Clock;
  onFault?: (error: unknown) => void;
}

export type CompleteBackfillOptions = Required<Omit<BackfillOptions, 'job' | 'idSuffix' | 'rate' | 'window'>> &
  Pick<BackfillOptions, 'job' | 'idSuffix' | 'rate' | 'window'>;

export const DEFAULT_IN_FLIGHT = 10_000;
export const DEFAULT_PATIENCE_MS = 600_000;
/** Of the values: key, headers and the batch's own fields come on top of it in the topic's limit. */
export const LINE_LIMITS = { maxBytes: MAX_RECORD_BYTES - 4_096, maxDepth: 32 };

export function withDefaults(options: BackfillOptions): CompleteBackfillOptions {
  return {
    prefix: DEFAULT_PREFIX,
    dropDeadlines: false,
    restart: false,
    whenIdle: false,
    inFlight: DEFAULT_IN_FLIGHT,
    patienceMs: DEFAULT_PATIENCE_MS,
    deadLetterGraceMs: 10_000,
    pollMs: 250,
    saveMs: 1_000,
    clock: systemClock,
    onFault: () => undefined,
    ...options,
  };
}
