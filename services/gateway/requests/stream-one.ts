import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Response } from '@tandem/schemas';
import { Problem } from '../problems/problem.ts';
import { abandonment, headerOf } from './call.ts';
import { forClient, type Exchange } from './exchange.ts';
import type { PreparedRequest } from './prepare.ts';

/** How responses of one request go out one after the other. */
export type StreamForm = 'events' | 'lines';

const TYPES: Readonly<Record<StreamForm, string>> = { events: 'text/event-stream', lines: 'application/x-ndjson' };

/** Undefined: one response is asked for. */
export function streamFormOf(request: FastifyRequest): StreamForm | undefined {
  const accept = headerOf(request, 'accept') ?? '';
  return (Object.keys(TYPES) as StreamForm[]).find((form) => accept.includes(TYPES[form]));
}

function write(form: StreamForm, event: string, body: object): string {
  const text = JSON.stringify(body);
  return form === 'lines' ? `${text}\n` : `event: ${event}\ndata: ${text}\n\n`;
}

/** Provisional responses as they come, then the final one: events `provisional`, `final` or `problem`; or the same as lines. */
export async function streamResponses(form: StreamForm, prepared: PreparedRequest, exchange: Exchange, waitMs: number, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { requestId } = prepared;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { ...withoutUndefined(reply.getHeaders()), 'content-type': TYPES[form], 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  raw.flushHeaders();
  const send = (event: string, body: object) => void raw.write(write(form, event, body));
  const signal = abandonment(reply);
  try {
    // Whoever reads slowly is spared those that the next one replaces.
    const onProvisional = (response: Response) => {
      if (!raw.writableNeedDrain) send('provisional', forClient(response, requestId));
    };
    const response = await exchange.run({ waitMs, onProvisional, signal });
    if (response !== undefined) send('final', forClient(response, requestId));
    else if (signal.aborted) exchange.cancel();
    else throw new Problem('no_answer', { detail: 'No response in time.', requestId });
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem('internal', { detail: 'A defect of Tandem or of what it stands on; the gateway’s log has it.', requestId });
    if (problem !== error) request.log.error({ err: error }, 'a stream failed');
    send('problem', problem.body);
  }
  raw.end();
  return reply;
}

function withoutUndefined(headers: ReturnType<FastifyReply['getHeaders']>): Record<string, string | number | string[]> {
  return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string | number | string[]] => entry[1] !== undefined));
}
