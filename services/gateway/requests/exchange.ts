import type { Response } from '@tandem/schemas';
import { messageOf } from '@tandem/shared/errors';
import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import type { Hold } from '../limits/fair-share.ts';
import type { ReplyDesk, ResponseListener } from '../replies/reply-desk.ts';
import type { PreparedRequest } from './prepare.ts';

/** Fusion answers by the deadline; this is for the way back. */
const GRACE_MS = 250;

/** An answer that is to be kept is waited for so much longer than its deadline. */
const LATE_MS = 10_000;

/** How long a caller waits for the response, ms. */
export function waitMsOf({ deadlineMs }: Pick<PreparedRequest, 'deadlineMs'>, { settings }: GatewayContext): number {
  return deadlineMs === undefined ? settings.gatewayMaxWaitMs : Math.min(deadlineMs + GRACE_MS, settings.gatewayMaxWaitMs);
}

/** The client's own id again, on what goes to it. */
export function forClient(response: Response, requestId: string): Response {
  return response.requestId === requestId ? response : { ...response, requestId };
}

export interface ExchangeOptions {
  waitMs: number;
  /** Each provisional response before the final one. */
  onProvisional?: ResponseListener;
  /** Ends the wait: the caller has gone. */
  signal?: AbortSignal;
}

/** One request on its way: sent, and waited for. */
export class Exchange {
  readonly #prepared: PreparedRequest;
  readonly #hold: Hold;
  readonly #context: GatewayContext;
  /** Aborted when the request could not be written: nothing will come. */
  readonly #unwritten = new AbortController();

  /** @param hold its place among those who wait; kept for longer where the answer is to be */
  constructor(prepared: PreparedRequest, hold: Hold, context: GatewayContext) {
    this.#prepared = prepared;
    this.#hold = hold;
    this.#context = context;
  }

  /**
   * Writes the request and waits for the final response; undefined when the time is over or the caller has gone.
   * @throws {Problem} `log_unavailable`
   */
  async run(options: ExchangeOptions): Promise<Response | undefined> {
    const waiting = this.wait(options);
    try {
      let written = false;
      const sent = this.#send().then(() => {
        written = true;
        return waiting;
      });
      // The response may be here before the acknowledgement; a failed write ends the wait.
      const response = await Promise.race([waiting, sent]);
      if (response === undefined && !written && options.signal?.aborted !== true) throw new Error('not written in time');
      return response;
    } catch (error) {
      throw await this.#notWritten(error);
    }
  }

  /** Resolves when the request is durable. @throws {Problem} `log_unavailable` */
  async write(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('not written in time')), this.#context.settings.gatewayMaxWaitMs);
    try {
      await Promise.race([this.#send(), late.promise]);
    } catch (error) {
      throw await this.#notWritten(error);
    } finally {
      clearTimeout(timer);
    }
  }

  wait(options: ExchangeOptions): Promise<Response | undefined> {
    return finalResponse(this.#context.desk, this.#prepared.flowId, options);
  }

  /** Goes on without the caller: the answer is kept when it comes, for whoever asks. */
  keepAnswer(): void {
    const { answers, desk, settings } = this.#context;
    const { deadlineMs, flowId } = this.#prepared;
    const hold = this.#hold;
    const waitMs = deadlineMs === undefined ? settings.gatewayAnswerTtlMs : deadlineMs + LATE_MS;
    hold.keep();
    // Nothing here holds on to the request itself: its body is as good as sent.
    void finalResponse(desk, flowId, { waitMs, signal: this.#unwritten.signal })
      .finally(() => hold.release())
      .then((response) => response && answers.keep(flowId, response));
  }

  /** Takes the request back: nobody is there to read the answer. */
  cancel(): void {
    const { record, request: { requestId, workload, userId, key } } = this.#prepared;
    const value = JSON.stringify({ cancel: true, requestId, workload, ...(userId === undefined ? {} : { userId }), ...(key === undefined ? {} : { key }) });
    this.#context.producer.send([{ ...record, value }]).catch((err: unknown) => this.#context.logger.debug({ err }, 'a request could not be taken back'));
  }

  #send(): Promise<void> {
    return this.#context.producer.send([this.#prepared.record]);
  }

  /** The id is free again: a second call sends it once more, and if both have been written, fusion answers one. */
  async #notWritten(error: unknown): Promise<Problem> {
    const { answers, logger } = this.#context;
    const { flowId, requestId } = this.#prepared;
    logger.warn({ error: messageOf(error) }, 'a request could not be written');
    // Else everybody who could not write would be waited for, until there is room for nobody.
    this.#unwritten.abort();
    await answers.release(flowId);
    return new Problem('log_unavailable', { detail: 'The request could not be written to the log in time; it may still be.', requestId, retryAfterSeconds: 1 });
  }
}

function finalResponse(desk: ReplyDesk, flowId: string, { waitMs, onProvisional, signal }: ExchangeOptions): Promise<Response | undefined> {
  return new Promise((resolve) => {
    const end = (response: Response | undefined): void => {
      clearTimeout(timer);
      stop();
      signal?.removeEventListener('abort', gone);
      resolve(response);
    };
    const gone = (): void => end(undefined);
    const timer = setTimeout(gone, waitMs);
    const stop = desk.listen(flowId, (response) => (response.final ? end(response) : onProvisional?.(response)));
    signal?.addEventListener('abort', gone);
  });
}
