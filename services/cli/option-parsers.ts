import { InvalidArgumentError } from 'commander';
import { parseMoment } from '@tandem/shared/dead-letters';

/** Parsers of flags for commander; each says what would be valid. */

/** @returns epoch ms */
export function moment(text: string): number {
  const time = parseMoment(text, Date.now());
  if (time === undefined) throw new InvalidArgumentError('as 2026-11-20T22:00Z, or so long ago: 90s, 30m, 2h, 3d.');
  return time;
}

/** `90s`, `30m`, `2h`, `3d`. @returns ms */
export function duration(text: string): number {
  const before = parseMoment(text, 0);
  if (before === undefined || before > 0 || !/^\d/.test(text) || text.includes('-')) throw new InvalidArgumentError('as 90s, 30m, 2h or 3d.');
  return -before;
}

export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on.');
  return Number(text);
}

export function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a number of milliseconds, 0 or more.');
  return value;
}

export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const name = names.find((each) => each === text);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`one of ${names.join(', ')}.`);
  };
}

/** Several with commas. */
export function someOf<Name extends string>(names: readonly Name[]): (text: string) => Name[] {
  const parse = oneOf(names);
  return (text) => text.split(',').map((name) => parse(name.trim()));
}
