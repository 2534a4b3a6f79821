/** Where an interaction or an erasure lies in the log. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
  /** Append time, epoch ms. */
  timestamp: number;
}
