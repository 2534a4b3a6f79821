/**
 * Loaded before a process's own code (`--import`): its metrics then count nothing, as if there were none. There is no setting for
 * that, since nobody wants it but whoever asks what metrics cost.
 */
import { Counter, Gauge, Histogram } from 'prom-client';

const nothing = () => undefined;
const child = { inc: nothing, dec: nothing, set: nothing, observe: nothing };

for (const { prototype } of [Counter, Gauge, Histogram] as unknown as { prototype: Record<string, unknown> }[]) {
  for (const name of ['inc', 'dec', 'set', 'observe', 'observeWithoutExemplar', 'observeWithExemplar']) if (name in prototype) prototype[name] = nothing;
  prototype['labels'] = () => child;
}
