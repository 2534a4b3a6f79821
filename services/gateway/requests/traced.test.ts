import { expect, test } from 'vitest';
import { startGatewayAndStages } from '../../../test/support/gateway.ts';
import { startOtlpReceiver } from '../../../test/support/otlp-receiver.ts';

const SENDERS_SPAN = 'b7ad6b7169203331';
const sender = (traceId: string, flags: string) => ({ traceparent: `00-${traceId}-${SENDERS_SPAN}-${flags}` });
const [SAMPLED, UNSAMPLED] = ['0af7651916cd43dd8448eb211c80319c', '1af7651916cd43dd8448eb211c80319c'];

test('a call is the beginning of its request’s trace, or a part of its sender’s; of one that the sender does not sample nothing is exported', { timeout: 90_000 }, async () => {
  await using receiver = await startOtlpReceiver();
  await using running = await startGatewayAndStages({ otlpEndpoint: receiver.url });
  const ask = (headers: Record<string, string>) => running.gateway.server.inject({
    method: 'POST', url: '/v1/requests', headers: { host: 'localhost', ...headers },
    payload: { workload: 'recommend', input: { history: ['1', '2'] }, hints: { task: 'coarse', deadlineMs: 60_000 } },
  });
  for (const headers of [{}, sender(SAMPLED, '01'), sender(UNSAMPLED, '00')]) expect((await ask(headers)).statusCode).toBe(200);
  await running.ports.tracing.close();

  const calls = receiver.spans.filter(({ name }) => name === 'gateway /v1/requests');
  expect(calls.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, SENDERS_SPAN]);
  expect(calls[1]?.traceId).toBe(SAMPLED);
  for (const { traceId, spanId } of calls) {
    const below = receiver.spans.find((span) => span.traceId === traceId && span.name.startsWith('classifier '));
    expect(below?.parentSpanId).toBe(spanId);
  }
  expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set(calls.map(({ traceId }) => traceId)));
});
