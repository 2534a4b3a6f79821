import type { TestProject } from 'vitest/node';
import { exitOnSignals } from './processes.ts';
import { findOrStartServers } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a real Kafka, several with commas. */
    kafka: string;
    /** URL of a real Redis. */
    redis: string;
  }
}

/** Gives the integration tests a real Kafka and a real Redis: `inject('kafka')`, `inject('redis')`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  exitOnSignals();
  const servers = await findOrStartServers();
  project.provide('kafka', servers.kafka);
  project.provide('redis', servers.redis);
  return () => servers.stop();
}
