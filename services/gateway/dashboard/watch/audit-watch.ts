import { auditEntrySchema } from '@tandem/schemas';
import { jsonOf } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { AuditLine } from '../snapshot.ts';

const LINES = 20;

/** What operators did last. */
export class AuditWatch {
  readonly #lines: AuditLine[] = [];

  record({ value }: Pick<LogRecord, 'value'>): void {
    const entry = auditEntrySchema.safeParse(jsonOf(value)).data;
    if (entry === undefined) return;
    const { detail, ...rest } = entry;
    this.#lines.push({ ...rest, ...(detail === undefined ? {} : { detail }) });
    if (this.#lines.length > LINES) this.#lines.shift();
  }

  /** The newest first. */
  get lines(): AuditLine[] {
    return this.#lines.toReversed();
  }
}
