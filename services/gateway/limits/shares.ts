import type { Settings } from '@tandem/shared/config';
import { MEBIBYTE } from '@tandem/shared/units';
import { FairSeats } from './fair-seats.ts';
import { FairShare } from './fair-share.ts';

/** Bodies, and lines of batches, that are in memory until they are answered. */
const BODY_BYTES = 256 * MEBIBYTE;
const LARGEST_BODIES = 4;
const OPEN_BATCHES = 256;
const LOOK_UPS = 32;
const INFERENCES = 64;
const FOLLOWERS = 200;

/** What all callers of a gateway share, each with a bound that no single tenant can use up. */
export interface Shares {
  /** Requests whose callers wait, or whose answers are to be kept. */
  waiting: FairShare;
  /** In bytes. */
  bodies: FairShare;
  /** `requests:batch` calls. */
  batches: FairShare;
  /** Reads of the log for single answers. */
  lookUps: FairShare;
  /** Of models in this process, waiting or running. */
  inferences: FairShare;
  /** Of `/v1/stream`. */
  followers: FairSeats;
}

export function makeShares({ gatewayMaxWaiting, gatewayMaxTensorBytes, gatewayTenantShare: tenantShare }: Settings): Shares {
  const share = (capacity: number): FairShare => new FairShare({ capacity, tenantShare });
  return {
    waiting: share(gatewayMaxWaiting),
    // One call may have the largest body in spite of its tenant's share.
    bodies: share(Math.max(BODY_BYTES, LARGEST_BODIES * gatewayMaxTensorBytes)),
    batches: share(OPEN_BATCHES),
    lookUps: share(LOOK_UPS),
    inferences: share(INFERENCES),
    followers: new FairSeats(FOLLOWERS),
  };
}
