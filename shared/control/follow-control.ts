import { topicName } from '@tandem/schemas';
import type { EventLog } from '../log/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { ControlState } from './control-state.ts';

/** Where the wishes of operators come from, and who is told. */
export interface FollowControlOptions {
  log: Pick<EventLog, 'tail'>;
  prefix: string;
  logger: Pick<Logger, 'warn'>;
  /** What operators want has changed. Called first when all that was there has been read. */
  onChange: (state: ControlState) => void;
}

/** Follows topic `control`; resolves when what operators want is known. */
export async function followControl({ log, prefix, logger, onChange }: FollowControlOptions): Promise<{ state: ControlState; close(): Promise<void> }> {
  const state = new ControlState();
  let isKnown = false;
  const tail = await log.tail({
    topic: topicName(prefix, 'control'),
    onRecord: (record) => {
      if (state.apply(record) && isKnown) onChange(state);
    },
    onFault: (error) => logger.warn({ err: error }, 'reading what operators want failed; trying again'),
  });
  await tail.caughtUp;
  isKnown = true;
  onChange(state);
  return { state, close: () => tail.close() };
}
