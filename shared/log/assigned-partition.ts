import { OffsetTracker } from './offset-tracker.ts';
import type { RecordQueue } from './record-queue.ts';
import type { TopicPartition } from './types.ts';

/** A partition while it is ours without a break: what waits, what is in flight, what is committed. */
export class AssignedPartition<Queue extends RecordQueue = RecordQueue> implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly queue: Queue;
  readonly tracker = new OffsetTracker();
  /** The timestamp of the queue's first record while the partition waits in a lane. */
  headTimestamp = 0;
  /** Whether the partition waits in its lane. */
  ready = false;
  #owned = true;
  #committed = -1;

  constructor({ topic, partition }: TopicPartition, queue: Queue) {
    this.topic = topic;
    this.partition = partition;
    this.queue = queue;
  }

  get owned(): boolean {
    return this.#owned;
  }

  /** It went to another member: acknowledgements have no effect from here on. */
  revoke(): void {
    this.#owned = false;
  }

  /** The offset to commit, if the watermark has moved. */
  get uncommitted(): number | undefined {
    const { watermark } = this.tracker;
    return watermark !== undefined && watermark > this.#committed ? watermark : undefined;
  }

  committed(offset: number): void {
    this.#committed = Math.max(this.#committed, offset);
  }
}
