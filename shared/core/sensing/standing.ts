import { HEADER } from '@tandem/schemas';

interface Placed {
  topic: string;
  partition: number;
  offset: number;
  headers: Readonly<Record<string, string>>;
}

const POSITION = /^[\w.-]{1,249}\/\d{1,10}\/\d{1,16}$/;

/**
 * Where a request stands: `topic/partition/offset`. One that was put back from the dead letters goes on standing where it
 * stood first, so that it counts as a redelivery of itself, however often it is put back.
 */
export function standingOf({ topic, partition, offset, headers }: Placed): string {
  const first = headers[HEADER.replayOf];
  return first !== undefined && POSITION.test(first) ? first : `${topic}/${partition}/${offset}`;
}
