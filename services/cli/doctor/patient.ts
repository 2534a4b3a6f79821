import type { Clock } from '@tandem/shared/clock';
import type { Connections, Settings } from '@tandem/shared/config';
import { createKafkaLog, type EventLog, type KafkaLogOptions } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';

const PATIENCE_MS = 4_000;

export interface PatientOptions {
  settings: Settings;
  connections: Connections;
  /** The settings that were given, as flags for the commands that mend. */
  flags: string;
  /** Each role's user, as `tandem topics acls` names them. */
  principalPrefix: string;
  machineClock: Clock;
  /** How long a server may take to answer. @default 4000: a doctor shall say that it is away */
  patienceMs?: number;
}

/** What is looked at. Opens nothing but connections of its own, and changes nothing. */
export class Patient implements AsyncDisposable {
  readonly options: PatientOptions;
  #log: EventLog | undefined;

  constructor(options: PatientOptions) {
    this.options = options;
  }

  get settings(): Settings {
    return this.options.settings;
  }

  get patienceMs(): number {
    return this.options.patienceMs ?? PATIENCE_MS;
  }

  kafka(brokers: readonly string[]): KafkaLogOptions {
    const { settings, connections, machineClock: clock } = this.options;
    return { ...connections.kafka, brokers: [...brokers], clientId: `${settings.instance}-doctor`, prefix: settings.prefix, settleTimeoutMs: this.patienceMs, requestTimeoutMs: this.patienceMs, logger: silentLogger, clock };
  }

  /** The log that `--kafka` names. */
  get log(): EventLog {
    return (this.#log ??= createKafkaLog(this.kafka(this.settings.kafka ?? [])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log?.close();
  }
}
