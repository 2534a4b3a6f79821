import { PartitionAssigners } from 'kafkajs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLogger } from '../../telemetry/logger.ts';
import { GroupReader } from './group-reader.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { StubKafka } from './stub-kafka.ts';

async function createReader(): Promise<{ kafka: StubKafka; reader: GroupReader; losses: unknown[] }> {
  const kafka = new StubKafka();
  const losses: unknown[] = [];
  const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger });
  const options = { groupId: 'g', topics: ['t'], fromBeginning: true, maxBytesPerPartition: 1_000, assigner: PartitionAssigners.roundRobin };
  const reader = new GroupReader(kafka.client, config, options, {
    onJoined: () => undefined,
    onBatch: () => Promise.resolve(),
    onLost: (error) => void losses.push(error),
  });
  onTestFinished(() => reader.close());
  reader.start();
  await kafka.running();
  return { kafka, reader, losses };
}

describe('a group reader', () => {
  it('takes pauses, resumptions and positions while kafkajs has no group, which then throws', async () => {
    const { kafka, reader } = await createReader();
    kafka.failing = true;
    const partition = { topic: 't', partition: 0 };
    for (const command of [() => reader.pause(partition), () => reader.resume(partition), () => reader.seek(partition, 5)]) {
      expect(command).not.toThrow();
    }
  });

  it('takes a consumer that beats for alive, and one that is silent for dead', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const starting = createReader();
    await vi.advanceTimersByTimeAsync(1);
    const { kafka, losses } = await starting;
    for (let minute = 0; minute < 5; minute++) {
      await vi.advanceTimersByTimeAsync(60_000);
      kafka.emit('HEARTBEAT');
    }
    expect([losses.length, kafka.consumers]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(110_000);
    expect([losses.length, kafka.consumers]).toEqual([1, 2]);
  });
});
