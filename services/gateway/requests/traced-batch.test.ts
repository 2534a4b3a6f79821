import { expect, test } from 'vitest';
import { startGatewayAndStages } from '../../../test/support/gateway.ts';
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts';

const SENDERS_SPAN = 'b7ad6b7169203331';
const sender = (traceId: string, flags: string) => ({ traceparent: `00-${traceId}-${SENDERS_SPAN}-${flags}` });
const [SAMPLED, UNSAMPLED] = ['0af7651916cd43dd8448eb211c80319c', '1af7651916cd43dd8448eb211c80319c'];
const LINE = JSON.stringify({ workload: 'recommend', input: { history: ['1', '2'] }, hints: { task: 'coarse', deadlineMs: 60_000 } });
const tensors = { inputs: [{ name: 'pixels', shape: [1, 64], datatype: 'FP32', data: Array.from({ length: 64 }, () => 0) }] };

test('each line of a batch has a trace of its own, or a place in its sender’s, linked to the batch; an inference has a span as a request has', { timeout: 90_000 }, async () => {
  await using receiver = await startOtlpReceiver();
  await using running = await startGatewayAndStages({ otlpEndpoint: receiver.url });
  const post = (url: string, payload: string | object, headers: Record<string, string>) => running.gateway.server.inject({ method: 'POST', url, headers: { host: 'localhost', ...headers }, payload });
  const senders = [{}, sender(SAMPLED, '01'), sender(UNSAMPLED, '00')];
  for (const headers of senders) {
    const { payload } = await post('/v1/requests:batch', [LINE, 'nonsense', LINE].join('\n'), { 'content-type': 'application/x-ndjson', ...headers });
    expect(payload.match(/"status":"complete"/g)).toHaveLength(2);
    expect((await post('/v2/models/digits-small/infer', tensors, headers)).statusCode).toBe(200);
    expect((await post('/v2/models/nope/infer', tensors, headers)).statusCode).toBe(404);
  }
  await running.ports.tracing.close();

  const named = (name: string) => receiver.spans.filter((span) => span.name === `gateway ${name}`);
  const parents = (spans: typeof receiver.spans) => spans.map(({ parentSpanId }) => parentSpanId);
  const [own, sent] = named('/v1/requests::batch');
  expect(parents([own!, sent!])).toEqual([undefined, SENDERS_SPAN]);
  const lines = named('/v1/requests:batch#line');
  const linesOf = (batch: typeof own) => lines.filter(({ links }) => links?.some(({ spanId }) => spanId === batch?.spanId));
  expect(parents(linesOf(own))).toEqual([undefined, undefined, undefined]);
  expect(new Set([own, ...linesOf(own)].map((span) => span?.traceId)).size).toBe(4);
  expect(parents(linesOf(sent))).toEqual([SENDERS_SPAN, SENDERS_SPAN, SENDERS_SPAN]);
  expect(new Set([sent, ...linesOf(sent)].map((span) => span?.traceId))).toEqual(new Set([SAMPLED]));
  expect(lines).toHaveLength(6);
  const below = receiver.spans.filter(({ name }) => name.startsWith('classifier ')).map(({ parentSpanId }) => parentSpanId);
  expect(below).toHaveLength(4);
  expect(lines.map(({ spanId }) => spanId)).toEqual(expect.arrayContaining(below));

  expect(parents(named('/v2/models/:model/infer'))).toEqual([undefined, undefined, SENDERS_SPAN, SENDERS_SPAN]);
  expect(receiver.spans.filter(({ traceId }) => traceId === UNSAMPLED)).toEqual([]);
});
