import type { z } from 'zod';

/** What would be valid, in words: the schema's own messages tell how it is built. */
export function wantedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': return typeWanted(issue.expected) ?? issue.message;
    case 'too_small': return isNumber(issue.origin) ? `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum} is expected` : issue.message;
    case 'too_big': return isNumber(issue.origin) ? `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum} is expected` : issue.message;
    case 'invalid_value': return `one of ${issue.values.map(String).join(', ')} is expected`;
    case 'invalid_union': return wantedByUnion(issue.errors.flat()) ?? issue.message;
    default: return issue.message;
  }
}

function typeWanted(expected: string): string | undefined {
  if (expected === 'int') return 'a whole number is expected';
  return expected === 'number' ? 'a number is expected' : undefined;
}

const isNumber = (origin: string) => origin === 'number' || origin === 'int';

/** Of several forms, the one for text says what it takes. */
function wantedByUnion(issues: readonly z.core.$ZodIssue[]): string | undefined {
  const telling = issues.find(({ code }) => code === 'custom') ?? issues.find(({ code }) => code === 'invalid_value');
  return telling === undefined ? undefined : wantedBy(telling);
}

/** Two slips: one letter for another, one too many, one left out. */
const MOST_SLIPS = 2;

/** The name that was probably meant, whatever its case and hyphens. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const near = names.map((name) => ({ name, slips: distance(plain(given), plain(name)) })).filter(({ slips }) => slips <= MOST_SLIPS);
  return near.toSorted((a, b) => a.slips - b.slips)[0]?.name;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...a].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...b].entries()) next.push(Math.min(row[column]! + (letter === other ? 0 : 1), row[column + 1]! + 1, next[column]! + 1));
    row = next;
  }
  return row[b.length]!;
}
