import { Gateway } from '@tandem/gateway';
import { ManualClock } from '@tandem/shared/clock';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../../services/cli/compose/topology.ts';
import { startGatewayAndStages } from '../../support/gateway.ts';

const RATE = 6;

test('gateways with one Redis count a caller’s requests together, and anew in the next second', async () => {
  await using running = await startGatewayAndStages({ redis: inject('redis'), gatewayRateStore: 'shared', gatewayRates: `standard:${RATE}` }, { stages: [] });
  const clock = new ManualClock(1_800_000_000_000);
  const start = async (): Promise<Gateway> => {
    const ports = await openPorts(running.settings, 'test');
    onTestFinished(() => ports[Symbol.asyncDispose]());
    await ensureTopology(running.settings, ports);
    const gateway = await Gateway.start({ settings: running.settings, ports: { ...ports, clock } }, []);
    onTestFinished(() => gateway[Symbol.asyncDispose]());
    return gateway;
  };
  const gateways = [await start(), await start()];
  const ask = async (times: number) => {
    const calls = Array.from({ length: times }, (_, index) => gateways[index % 2]!.server.inject({ url: '/v1/requests/none', headers: { host: 'localhost' } }));
    return (await Promise.all(calls)).map(({ statusCode }) => statusCode).toSorted();
  };
  expect(await ask(RATE + 4)).toEqual([404, 404, 404, 404, 404, 404, 429, 429, 429, 429]);
  clock.advance(1_000);
  expect(await ask(RATE)).toEqual(Array.from({ length: RATE }, () => 404));
});
