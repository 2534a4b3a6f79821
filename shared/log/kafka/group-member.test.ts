import { PartitionAssigners } from 'kafkajs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { silentLogger } from '../../telemetry/logger.ts';
import { GroupMember } from './group-member.ts';
import { resolveKafkaLogOptions } from './options.ts';
import { StubKafka } from './stub-kafka.ts';

async function createMember(): Promise<{ kafka: StubKafka; member: GroupMember; losses: unknown[] }> {
  const kafka = new StubKafka();
  const losses: unknown[] = [];
  const config = resolveKafkaLogOptions({ brokers: ['127.0.0.1:9'], clientId: 'test', logger: silentLogger });
  const options = { groupId: 'g', topics: ['t'], assigner: PartitionAssigners.roundRobin, beforeJoining: () => Promise.resolve() };
  const member = new GroupMember(kafka.client, config, options, {
    onJoined: () => undefined,
    onLost: (error) => void losses.push(error),
  });
  onTestFinished(() => member.close());
  member.start();
  await kafka.running();
  return { kafka, member, losses };
}

describe('a group member', () => {
  it('takes a consumer that beats for alive, and one that is silent for dead', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const starting = createMember();
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
