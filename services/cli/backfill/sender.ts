import { HEADER, topicName } from '@tandem/schemas';
import type { LogProducer, OutgoingRecord } from '@tandem/shared/log';
import type { JobFiles } from './files.ts';
import type { InputSource } from './input.ts';
import type { Ledger } from './ledger.ts';
import type { Line } from './line-reader.ts';
import { LINE_LIMITS } from './options.ts';
import type { Pace, Wait } from './pace.ts';
import { parseLine, type ParseOptions } from './parse-line.ts';
import { JOB_HEADER } from './recovery.ts';

export interface SenderOptions {
  source: InputSource;
  ledger: Ledger;
  files: JobFiles;
  producer: LogProducer;
  pace: Pace;
  prefix: string;
  parse: Omit<ParseOptions, 'limits'>;
  maxInFlight: number;
  /** Resolves soon, or when there may be room. */
  pause: () => Promise<void>;
  signal: AbortSignal;
}

const RECORDS_AT_ONCE = 200;

/** Reads the input, reports its bad lines and sends the others that are not in the log yet. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #topic: string;
  #batch: OutgoingRecord[] = [];
  #sending: Promise<void> = Promise.resolve();
  #failure: Error | undefined;
  #waitingFor: Wait;
  /** The input has been read to its end. */
  exhausted = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#topic = topicName(options.prefix, 'requests.bulk');
  }

  get waitingFor(): Wait {
    return this.#waitingFor;
  }

  /** Resolves when all is sent and acknowledged, or when the signal came. */
  async run(): Promise<void> {
    const { source, signal, files } = this.#options;
    await files.openErrors();
    for await (const lines of source.lines(LINE_LIMITS.maxBytes)) {
      for (const line of lines) {
        if (signal.aborted) break;
        await this.#line(line);
      }
      if (signal.aborted) break;
    }
    this.#flush();
    this.#waitingFor = undefined;
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
    this.exhausted = !signal.aborted;
  }

  async #line(line: Line): Promise<void> {
    const { ledger, parse, signal } = this.#options;
    ledger.lines += 1;
    const parsed = parseLine(line, { ...parse, limits: LINE_LIMITS });
    if (parsed.kind === 'blank') return;
    if (parsed.kind === 'bad') return this.#bad(line, parsed);
    const { requestId, key, value } = parsed;
    if (!ledger.seen(requestId)) return this.#bad(line, { code: 'duplicate_request', message: `requestId ${requestId} is that of an earlier line` });
    if (ledger.isSent(requestId)) return;
    await this.#permitted();
    if (signal.aborted) return;
    ledger.markSent(requestId);
    this.#batch.push({ topic: this.#topic, key, value, headers: { [HEADER.requestId]: requestId, [JOB_HEADER]: parse.job } });
    if (this.#batch.length >= RECORDS_AT_ONCE) this.#flush();
  }

  async #permitted(): Promise<void> {
    const { ledger, pace, maxInFlight, pause, signal } = this.#options;
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#waitingFor = ledger.outstanding >= maxInFlight ? 'in flight' : pace.take(ledger.outstanding);
      if (this.#waitingFor === undefined) return;
      this.#flush();
      await pause();
    }
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    const sent = this.#options.producer.send(this.#batch).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#batch = [];
    this.#sending = this.#sending.then(() => sent);
  }

  async #bad({ number, source }: Line, { code, message }: { code: string; message: string }): Promise<void> {
    this.#options.ledger.bad(code);
    await this.#options.files.reportErrors(`${JSON.stringify({ line: number, ...(source === undefined ? {} : { source }), code, message })}\n`);
  }
}
