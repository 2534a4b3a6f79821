import { TandemError, messageOf } from '@tandem/shared/errors';
import { inspectKafka, probeAddress } from '@tandem/shared/log';
import { failed, ok, skipped, type Finding } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const COMPOSE = 'start the broker (docker compose up -d kafka), or mend --kafka host:port';

async function probe(address: string, mend: string, code: string, timeoutMs: number): Promise<Finding | undefined> {
  return probeAddress(address, timeoutMs).then(() => undefined, (error: unknown) => failed(code, `${address}: ${messageOf((error as Error).cause ?? error)}`, mend));
}

async function unreachable(addresses: readonly string[], mend: string, code: string, timeoutMs: number): Promise<Finding[]> {
  const probes = await Promise.all(addresses.map((address) => probe(address, mend, code, timeoutMs)));
  return probes.filter((finding) => finding !== undefined);
}

/** Clients connect to the addresses that the brokers announce, not to those that they are given. */
async function announced(brokers: readonly { id: number; address: string }[], timeoutMs: number): Promise<Finding[]> {
  const mend = (address: string) => `make ${address} reachable from here, or set advertised.listeners on that broker to an address that is`;
  const found = await Promise.all(brokers.map(({ address }) => unreachable([address], mend(address), 'kafka_advertised_unreachable', timeoutMs)));
  return found.flat();
}

/** Whether brokers answer, where they say they are, and what they are. */
export const kafkaCheck: Check = {
  name: 'kafka',
  limitMs: 20_000,
  mend: COMPOSE,
  async run(patient) {
    const { kafka } = patient.settings;
    if (kafka === undefined) return [skipped('no --kafka: the log lives inside one process (tandem demo, tandem backfill), and is gone with it')];
    const away = await unreachable(kafka, COMPOSE, 'kafka_unreachable', patient.patienceMs);
    const there = kafka.filter((address) => !away.some(({ message }) => message.startsWith(`${address}: `)));
    if (there.length === 0) return away;
    try {
      const { brokers, release, incompatible } = await inspectKafka(patient.kafka(there));
      const found = [...away, ...(await announced(brokers, patient.patienceMs))];
      if (incompatible.length > 0) found.push(failed('kafka_incompatible', `Kafka ${release ?? 'before 3.0'} has no version of ${incompatible.join(', ')} that this client knows`, 'use Kafka 3.0 to 4.1'));
      return [...found, ok(`Kafka ${release ?? 'before 3.0'}, ${brokers.length} broker${brokers.length === 1 ? '' : 's'}: ${brokers.map(({ address }) => address).join(', ')}`)];
    } catch (error) {
      return [...away, failed(error instanceof TandemError ? error.code : 'internal', messageOf(error), 'mend the security settings that the message names; docs/security.md has all of them')];
    }
  },
};
