import { HEADER, type Response } from '@tandem/schemas';
import { jsonOf } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';

/** Of a record on the way to or from the flow: by its header, else by its value; undefined where it has none. */
export function requestIdOf(record: Pick<LogRecord, 'headers' | 'value'>): string | undefined {
  return record.headers[HEADER.requestId] ?? readJson<{ requestId?: string }>(record.value)?.requestId;
}

/** Fusion wrote it, so its shape is trusted. Undefined: not a final response. */
export function readResponse(value: Buffer | null): Response | undefined {
  const response = readJson<Response>(value);
  return typeof response?.requestId === 'string' && response.final ? response : undefined;
}

function readJson<T extends object>(value: Buffer | null): T | undefined {
  const parsed = jsonOf(value) as T | null | undefined;
  return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
}
