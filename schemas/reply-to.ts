/** Partitions of `replies`. Each gateway reads one; more gateways than these share them. */
export const REPLY_PARTITIONS = 16;

/** Who waits for the response of a request: the value of the header `tandem-reply-to`, as gateways write it. */
export interface ReplyAddress {
  /** Of topic `replies`. */
  partition: number;
  /** Name of the gateway process. */
  instance: string;
}

const ADDRESS = /^gateway\/(\d{1,3})\/([\w.:-]{1,200})$/;

/** As the header `tandem-reply-to` has it. */
export function writeReplyAddress({ partition, instance }: ReplyAddress): string {
  return `gateway/${partition}/${instance}`;
}

/** Undefined: the header is absent, or something of the sender's own. */
export function readReplyAddress(header: string | undefined): ReplyAddress | undefined {
  const [, partition, instance] = (header !== undefined && ADDRESS.exec(header)) || [];
  if (partition === undefined || instance === undefined || Number(partition) >= REPLY_PARTITIONS) return undefined;
  return { partition: Number(partition), instance };
}
