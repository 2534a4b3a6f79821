import type { TaskKind } from '@tandem/schemas';
import type { HttpProtocol } from './http-load.ts';

/** Where a contender finds its requests and puts its answers. */
export interface Place {
  /** host:port */
  kafka: string;
  /** Of topics; each contender has its own. */
  prefix: string;
  /** For its logs. */
  folder: string;
}

export interface RunningContender {
  /** Its processes; those that they start count with them. */
  pids: readonly number[];
  /** Of its HTTP server, where it has one. */
  port?: number;
  /** The end of what it printed. */
  output(): string;
  stop(): Promise<void>;
}

/** Somebody who answers requests. */
export interface Contender {
  name: string;
  description: string;
  /** Which plan the requests ask for. Only Tandem looks at it. */
  task: TaskKind;
  /** Requests come over HTTP instead of the log. */
  http?: HttpProtocol;
  /** Undefined: it can run here; else why not. */
  unavailable?: string | undefined;
  /** @param launcher words in front of the command, for example `env NAME=value` */
  start(place: Place, launcher?: readonly string[]): Promise<RunningContender>;
}
