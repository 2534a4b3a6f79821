import { randomUUID } from 'node:crypto';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startCommand } from '../../support/cluster.ts';
import { freePort } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

test('a gateway that is asked to end says on its status port that it drains, until what is on its way is answered', async () => {
  const [port, statusPort] = [await freePort(), await freePort()];
  const flags = ['--kafka', inject('kafka'), '--prefix', `test-${randomUUID().slice(0, 8)}.`, '--partitions', '1', '--log-level', 'warn'];
  await using gateway = startCommand(['gateway', ...flags, '--gateway-port', String(port), '--http-port', String(statusPort), '--drain-timeout-ms', '60000']);
  const readiness = () => fetch(`http://127.0.0.1:${statusPort}/readyz`).then(async (response) => [response.status, await response.json()] as const, () => undefined);
  const waitFor = (status: number) => until(async () => (await readiness())?.[0] === status, { timeoutMs: 60_000, what: () => `readiness ${status}; ${gateway.log()}` });
  await waitFor(200);

  const caller = new AbortController();
  onTestFinished(() => caller.abort());
  // No stage runs: it waits until its caller goes.
  const asked = fetch(`http://127.0.0.1:${port}/v1/requests`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, signal: caller.signal,
    body: JSON.stringify({ workload: 'recommend', input: {}, hints: { deadlineMs: 60_000 } }),
  }).catch(() => undefined);
  // The gauge is set whenever a call has been answered.
  const waiting = async () => {
    await fetch(`http://127.0.0.1:${port}/healthz`);
    return /^tandem_gateway_waiting(?:\{.*\})? 1$/m.test(await (await fetch(`http://127.0.0.1:${statusPort}/metrics`)).text());
  };
  await until(waiting, { timeoutMs: 30_000, what: () => `a request that waits; ${gateway.log()}` });
  const ended = gateway.stop();
  await waitFor(503);
  expect(await readiness()).toEqual([503, { state: 'draining' }]);
  caller.abort();
  await asked;
  expect(await ended).toBe(0);
});
