import type { DeadLetter } from './letter.ts';

/** Which letters; everything that is given has to be true of them. */
export interface LetterFilter {
  keys?: ReadonlySet<string> | undefined;
  stage?: string | undefined;
  code?: string | undefined;
  /** Of the original record, with or without the prefix. */
  topic?: string | undefined;
  /** Epoch ms, inclusive. */
  since?: number | undefined;
  /** Epoch ms, exclusive. */
  until?: number | undefined;
}

/** Whether the letter is one of those that the filter asks for. @param prefix of the deployment’s topics */
export function matches(letter: DeadLetter, { keys, stage, code, topic, since = -Infinity, until = Infinity }: LetterFilter, prefix: string): boolean {
  return (keys === undefined || keys.has(letter.key))
    && (stage === undefined || letter.stage === stage)
    && (code === undefined || letter.code === code)
    && (topic === undefined || letter.topic === topic || letter.topic === prefix + topic)
    && letter.time >= since && letter.time < until;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2026-11-20T22:00Z`, `2026-11-20`, or so long before now: `90s`, `30m`, `2h`, `3d`. Undefined: neither. @returns epoch ms */
export function parseMoment(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (UNITS_MS[unit] ?? 0);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
