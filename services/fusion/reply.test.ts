import { HEADER, writeReplyAddress } from '@tandem/schemas';
import type { StageOutput } from '@tandem/shared/runner';
import { expect, it, vi } from 'vitest';
import { completed, fine, harness, task } from './testing.ts';

const waiting = { [HEADER.replyTo]: writeReplyAddress({ partition: 5, instance: 'gateway-1' }) };

/** A fusion stage, and what it wrote, by topic. */
async function fusion(fails: (output: StageOutput) => boolean = () => false) {
  const outputs: StageOutput[] = [];
  const publish = async (records: readonly StageOutput[]) => {
    if (records.some(fails)) throw new Error('away');
    outputs.push(...records);
  };
  const stage = await harness({ publish });
  await stage.lookedBack();
  outputs.length = 0;
  const answer = async (headers: Record<string, string>) => {
    const context = { publish };
    const record = (topic: string, value: unknown) => ({ ...stage.record(topic, value), headers });
    const done = [stage.stage.handle(record('tasks', task()), context), stage.stage.handle(record('outcomes', completed('coarse', [1])), context), stage.stage.handle(record('outcomes', fine([1])), context)];
    await Promise.all(done);
  };
  return { outputs, answer };
}

it('sends a gateway that waits a copy of the response, when that is durable', async () => {
  const { outputs, answer } = await fusion();
  await answer(waiting);
  await vi.waitFor(() => expect(outputs).toHaveLength(2), 10_000);
  const [response, reply] = outputs;
  expect(response).toMatchObject({ topic: 't.responses', partition: 0 });
  expect(reply).toMatchObject({ topic: 't.replies', partition: 5, key: null, value: response!.value, headers: waiting });
});

it.each(['', 'my-own-correlation', 'gateway/16/beyond', 'gateway/-1/x', 'gateway/1/two words'])('takes the reply address %j for something of the sender’s own', async (address) => {
  const { outputs, answer } = await fusion();
  await answer({ [HEADER.replyTo]: address });
  expect(outputs.map(({ topic }) => topic)).toEqual(['t.responses']);
});

it('answers all the same where the copy cannot be written', async () => {
  const { outputs, answer } = await fusion(({ topic }) => topic === 't.replies');
  await answer(waiting);
  expect(outputs.map(({ topic }) => topic)).toEqual(['t.responses']);
});
