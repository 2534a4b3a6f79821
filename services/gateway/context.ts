import type { Workload } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { ResponseFeed } from './feed/response-feed.ts';
import type { Shares } from './limits/shares.ts';
import type { LoadWatch } from './overload/load-watch.ts';
import type { GatewayPorts } from './options.ts';
import type { Answers } from './replies/answers.ts';
import type { ErasedUsers } from './replies/erased-users.ts';
import type { ReplyDesk } from './replies/reply-desk.ts';
import type { InFlight } from './server/in-flight.ts';

/** What routes and plugins of a gateway share. */
export interface GatewayContext extends GatewayPorts {
  settings: Settings;
  workloadsByName: ReadonlyMap<string, Workload>;
  desk: ReplyDesk;
  answers: Answers;
  erased: ErasedUsers;
  load: LoadWatch;
  feed: ResponseFeed;
  inFlight: InFlight;
  shares: Shares;
  /** True from the first sign of the end on: new work is refused, what is on its way is finished. */
  readonly draining: boolean;
}
