import type { Request } from '@tandem/schemas';

/** What a user is likely to ask again: his request without what was of its moment. */
export type Template = Omit<Request, 'requestId'> & { userId: string };

/** Undefined: the next request cannot be told from it, since its sender chooses history or candidates each time. */
export function templateOf({ workload, userId, key, input, hints }: Request): Template | undefined {
  if (userId === undefined || 'history' in input || 'candidates' in input) return undefined;
  const { asOfInteractions: _, ...rest } = input;
  return { workload, userId, input: rest, ...(key === undefined ? {} : { key }), ...(hints === undefined ? {} : { hints }) };
}
