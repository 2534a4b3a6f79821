import type { z } from 'zod';

const MAX_CHARACTERS = 300;

/**
 * The first thing that is wrong, with its path: `hints.deadlineMs: Invalid input: expected number, received string`.
 * @param root in front of every path
 * @param whole what to call that which has no path
 */
export function describeIssues({ issues }: z.ZodError, root = '', whole = 'value'): string {
  const [first] = issues;
  if (first === undefined) return 'does not fit the schema';
  const path = [root, ...first.path.map(String)].filter((part) => part !== '').join('.');
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  const text = `${path === '' ? whole : path}: ${first.message}`;
  return text.slice(0, MAX_CHARACTERS) + more;
}
