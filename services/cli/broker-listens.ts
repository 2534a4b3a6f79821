import { probeAddress } from '@tandem/shared/log';

const TIMEOUT_MS = 3_000;

/**
 * For commands that a person waits for: a wrong address is to be told at once. Stages wait for a broker that is still starting.
 * @throws {TandemError} `kafka_unreachable`: nobody takes a connection at any of the addresses
 */
export async function expectBroker(brokers: readonly string[]): Promise<void> {
  await Promise.any(brokers.map((address) => probeAddress(address, TIMEOUT_MS))).catch((error: unknown) => {
    throw error instanceof AggregateError ? error.errors[0] : error;
  });
}
