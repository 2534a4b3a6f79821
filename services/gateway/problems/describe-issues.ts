import type { z } from 'zod';

const MAX_CHARACTERS = 300;

/** The first thing that is wrong, with its path. */
export function describeIssues({ issues }: z.ZodError): string {
  const [first] = issues;
  if (first === undefined) return 'does not fit the schema';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return `${first.path.map(String).join('.') || 'body'}: ${first.message}`.slice(0, MAX_CHARACTERS) + more;
}
