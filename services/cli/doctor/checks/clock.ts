import { topicName } from '@tandem/schemas';
import { messageOf } from '@tandem/shared/errors';
import { failed, ok, skipped } from '../finding.ts';
import type { Check } from '../run-checks.ts';

/** Deadlines count by the broker's clock whatever this one says; everything that people compare does not. */
const MOST_SKEW_MS = 1_000;
/** The first write looks for leaders and is slow, so it says little of the time. */
const WRITES = 3;
const MEND = 'sudo timedatectl set-ntp true    (or: sudo chronyc -a makestep), on this machine and on the broker’s';

/** The broker's time of appending against this machine's. A tombstone of a heartbeat that nobody has sent changes nothing. */
export const clockCheck: Check = {
  name: 'clock',
  needs: 'kafka',
  async run({ log, settings, options: { machineClock } }) {
    const topic = topicName(settings.prefix, 'telemetry');
    if (!(await log.admin.listTopics()).includes(topic)) return [skipped(`${topic} does not exist yet, so there is nothing to write the time of`)];
    try {
      const producer = await log.producer();
      for (let write = 0; write < WRITES; write++) await producer.send([{ topic, key: `${settings.instance}-doctor`, value: null }]);
    } catch (error) {
      return [skipped(`this user may not write ${topic}: ${messageOf(error)}`)];
    }
    const skewMs = Math.round(log.now() - machineClock.now());
    const distance = `the broker's clock is ${Math.abs(skewMs) < 1 ? 'the same' : `${Math.abs(skewMs)} ms ${skewMs < 0 ? 'behind' : 'ahead of'}`} this machine's`;
    if (Math.abs(skewMs) <= MOST_SKEW_MS) return [ok(distance)];
    return [failed('clock_skew', `${distance}; deadlines hold (they count by the broker's), but times in logs, traces, requests and certificates disagree`, MEND)];
  },
};
