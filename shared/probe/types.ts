import type { ResourceSample } from '@tandem/schemas';

/** What the machine has and uses now. Implementations: the operating system (cgroup-aware). */
export interface ResourceProbe {
  sample(): Promise<ResourceSample>;
}
