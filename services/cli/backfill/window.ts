import { TandemError } from '@tandem/shared/errors';

/** Hours of the day in which a backfill may send, by the local clock. */
export interface DailyWindow {
  /** Minutes after midnight. */
  from: number;
  to: number;
  text: string;
}

const TIME = /^(\d{1,2}):(\d{2})$/;

function minutes(text: string): number | undefined {
  const [, hours, rest] = TIME.exec(text.trim()) ?? [];
  const total = Number(hours) * 60 + Number(rest);
  return Number(rest) < 60 && total <= 24 * 60 ? total : undefined;
}

/**
 * `22:00-06:00`; may cross midnight.
 * @throws {TandemError} `usage`
 */
export function parseWindow(text: string): DailyWindow {
  const [from, to, ...more] = text.split('-').map(minutes);
  if (from === undefined || to === undefined || more.length > 0 || from === to) {
    throw new TandemError(`--window ${text}: two different times of the day are expected, as in 22:00-06:00`, { code: 'usage' });
  }
  return { from, to, text };
}

/**
 * Asked anew each time, from what a wall clock shows: days of 23 or 25 hours need no arithmetic. Where clocks are put
 * back, the hour that comes twice is open twice.
 */
export function isOpen({ from, to }: DailyWindow, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
