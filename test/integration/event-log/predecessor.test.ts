import { Kafka, logLevel } from 'kafkajs';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, inject, it } from 'vitest';
import { Fixture, numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { startVictim } from '../../support/start-victim.ts';

const SENT = 200;
/** Far longer than anything here waits: for a member that is dead, and for one that does not join when the others do. */
const [SESSION_MS, REBALANCE_MS] = [300_000, 300_000];

function fixture({ clientId, replacesPredecessor }: { clientId: string; replacesPredecessor: boolean }): Fixture {
  const log = createKafkaLog({ brokers: inject('kafka').split(','), clientId, replacesPredecessor, logger: silentLogger, sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS });
  return new Fixture({ log, startVictim: (options) => Promise.resolve(startVictim({ brokers: inject('kafka'), sessionTimeoutMs: SESSION_MS, ...options })), close: () => log.close() });
}

describe('a process that starts under the name of one that was killed', () => {
  it('has its partitions long before the session of the dead one runs out', async () => {
    const f = fixture({ clientId: 'victim', replacesPredecessor: true });
    const topic = await f.topic();
    const groupId = f.name('group');
    await f.send(sequence(topic, SENT));
    const victim = await f.startVictim({ groupId, topic });
    await victim.holds(SENT);
    await victim.kill();
    const successor = await f.consumer({ groupId, topics: [topic] });
    await successor.receives(SENT);
    expect(successor.values.toSorted()).toEqual(numbersUpTo(SENT).toSorted());
  });

  it('leaves alone whoever is called otherwise, and its own consumers', async () => {
    const f = fixture({ clientId: 'other', replacesPredecessor: true });
    const topic = await f.topic();
    const groupId = f.name('group');
    await f.send(sequence(topic, SENT));
    const other = await f.startVictim({ groupId, topic });
    await other.holds(SENT);
    const alone = await membersOf(groupId);
    const reader = () => f.consumer({ groupId, topics: [topic] });
    await reader();
    const two = await membersOf(groupId);
    await reader();
    const three = await membersOf(groupId);
    await other.kill();
    // Whoever is removed joins anew, as another member.
    expect([alone.length, two.length, three.length]).toEqual([1, 2, 3]);
    expect(three).toEqual(expect.arrayContaining(two));
    expect(two).toEqual(expect.arrayContaining(alone));
  });
});

async function membersOf(groupId: string): Promise<string[]> {
  const admin = new Kafka({ brokers: inject('kafka').split(','), clientId: 'who-is-there', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { groups: [group] } = await admin.describeGroups([groupId]);
    return group?.members.map(({ memberId }) => memberId) ?? [];
  } finally {
    await admin.disconnect();
  }
}
