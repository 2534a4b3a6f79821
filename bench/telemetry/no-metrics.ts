/**
 * Loaded before a process's own code (`--import`): its metrics then count nothing, as if there were none. There is no setting for
 * that, since nobody wants it but whoever asks what metrics cost.
 */
import { createMetrics } from '@tandem/shared/telemetry';

const nothing = () => undefined;
const child = { inc: nothing, dec: nothing, set: nothing, observe: nothing };
const { records, lag, handleSeconds } = createMetrics({ processMetrics: false });

for (const metric of [records, lag, handleSeconds]) {
  const prototype = Object.getPrototypeOf(metric) as Record<string, unknown>;
  for (const name of ['inc', 'count', 'dec', 'set', 'observe']) if (name in prototype) prototype[name] = nothing;
  prototype['labels'] = () => child;
}
