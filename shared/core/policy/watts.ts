import type { Heartbeat } from '@tandem/schemas';
import { placeName } from './outstanding.ts';

/**
 * What one busy session takes on a worker's machine, W: of an accelerator's power its share among the worker's sessions; else of the
 * processors' power that of one busy core, as a session is one thread. Undefined: the machine does not say.
 */
export function sessionWatts({ resources: { accelerator, powerWatts, cpuCores, cpuUse }, sessions = 1 }: Pick<Heartbeat, 'resources' | 'sessions'>): number | undefined {
  if (accelerator !== undefined) return accelerator.powerWatts === undefined ? undefined : accelerator.powerWatts / Math.max(1, sessions);
  if (powerWatts === undefined || cpuUse === undefined) return undefined;
  // A machine of which less than one core is busy does not say what one takes more than none.
  return powerWatts / Math.max(1, cpuUse * cpuCores);
}

/** By place: the mean over its workers; undefined where one of them is not measured, since a figure for some says nothing of the others. */
export function wattsByPlace(live: readonly Heartbeat[]): Map<string, number | undefined> {
  const all = new Map<string, (number | undefined)[]>();
  for (const heartbeat of live) {
    const watts = sessionWatts(heartbeat);
    for (const load of heartbeat.variants) {
      const name = placeName({ ...load, pool: heartbeat.pool });
      const known = all.get(name);
      if (known === undefined) all.set(name, [watts]);
      else known.push(watts);
    }
  }
  return new Map([...all].map(([name, each]) => [name, meanOf(each)]));
}

function meanOf(each: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const watts of each) {
    if (watts === undefined) return undefined;
    sum += watts;
  }
  return sum / each.length;
}
