import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, inject, it } from 'vitest';
import { Fixture, numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { startVictim } from '../../support/start-victim.ts';
import { until } from '../../support/until.ts';

const SENT = 200;
/** Far longer than anything here waits. */
const SESSION_MS = 300_000;

function fixture({ clientId, replacesPredecessor }: { clientId: string; replacesPredecessor: boolean }): Fixture {
  const log = createKafkaLog({ brokers: inject('kafka').split(','), clientId, replacesPredecessor, logger: silentLogger, sessionTimeoutMs: SESSION_MS });
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
    const lives = await f.startVictim({ groupId, topic });
    await lives.holds(SENT);
    const first = await f.consumer({ groupId, topics: [topic] });
    const second = await f.consumer({ groupId, topics: [topic] });
    const owned = (): number[] => [...first.numbers(topic), ...second.numbers(topic)];
    // Four partitions and three members: what these two do not have is the other's.
    await until(() => first.numbers(topic).length > 0 && second.numbers(topic).length > 0 && new Set(owned()).size === owned().length, { what: () => `two owners; they have ${owned().join(', ')}` });
    expect(owned().length).toBeLessThan(4);
    await lives.kill();
  });
});
