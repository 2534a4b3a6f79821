import type { ErasureNotice } from '@tandem/schemas';
import { jsonOf } from '../json-of.ts';

/**
 * A record of topic `telemetry` as the notice of an erasure. Heartbeats are passed over unparsed: they are nearly all there is.
 * @returns undefined: it is none
 */
export function readErasureNotice(value: Buffer): ErasureNotice | undefined {
  if (!value.includes('"erasure"')) return undefined;
  const notice = jsonOf(value) as Partial<ErasureNotice> | null | undefined;
  const isNotice = notice?.kind === 'erasure' && typeof notice.user === 'string' && typeof notice.time === 'number';
  return isNotice ? (notice as ErasureNotice) : undefined;
}
