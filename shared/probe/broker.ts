import type { EventLog } from '../log/index.ts';
import type { ResourceProbe } from './types.ts';

/** What the machine has and uses, and how far away the broker is: heartbeats are written twice a second, so it is known of an idle process too. */
export function withBroker(machine: ResourceProbe, log: Pick<EventLog, 'roundTripMs'>): ResourceProbe {
  return {
    async sample() {
      const sample = await machine.sample();
      const brokerMs = log.roundTripMs();
      return brokerMs === undefined ? sample : { ...sample, brokerMs };
    },
  };
}
