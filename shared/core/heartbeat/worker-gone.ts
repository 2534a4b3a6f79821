/** Heartbeats come every 500 ms: a worker without one for so long is taken for gone, and says nothing about now. */
export const WORKER_GONE_AFTER_MS = 3_000;
