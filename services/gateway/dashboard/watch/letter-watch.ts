import { DEAD_LETTER_HEADER } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';
import type { LetterFigures } from '../snapshot.ts';
import { Seconds } from './window.ts';

const KINDS = 40;

/** Dead letters since the dashboard began to look. */
export class LetterWatch {
  readonly #seconds = new Seconds(60, () => ({ count: 0 }));
  readonly #kinds = new Map<string, { code: string; stage: string; count: number }>();

  record({ value, headers }: Pick<LogRecord, 'value' | 'headers'>): void {
    const code = headers[DEAD_LETTER_HEADER.code];
    // A tombstone: one was put back or erased.
    if (code === undefined && value === null) return;
    this.#seconds.current.count += 1;
    this.#count(headers[DEAD_LETTER_HEADER.stage] ?? 'unknown', code ?? 'unknown');
  }

  tick(): void {
    this.#seconds.next();
  }

  get figures(): LetterFigures {
    const byCode = [...this.#kinds.values()].sort((a, b) => b.count - a.count);
    return { perMinute: this.#seconds.past.reduce((sum, { count }) => sum + count, 0), byCode };
  }

  #count(stage: string, code: string): void {
    const name = `${stage} ${code}`;
    const kind = this.#kinds.get(name);
    if (kind !== undefined) kind.count += 1;
    else if (this.#kinds.size < KINDS) this.#kinds.set(name, { code, stage, count: 1 });
  }
}
