import { jsonOf } from '@tandem/shared/core';
import type { DeadLetter } from '@tandem/shared/dead-letters';

const MAX_DEPTH = 64;

/** True: the letter holds something of the user: `userId` anywhere in its value; or, where that is not JSON, its key or the text of the id. */
export function mentions({ value, sourceKey }: Pick<DeadLetter, 'value' | 'sourceKey'>, userId: string): boolean {
  const parsed = jsonOf(value);
  if (value === null || parsed === undefined) return sourceKey === userId || value?.includes(JSON.stringify(userId)) === true;
  return names(parsed, userId, MAX_DEPTH);
}

function names(value: unknown, userId: string, levels: number): boolean {
  if (typeof value !== 'object' || value === null || levels === 0) return false;
  if (!Array.isArray(value) && Object.getOwnPropertyDescriptor(value, 'userId')?.value === userId) return true;
  return Object.values(value).some((child) => names(child, userId, levels - 1));
}
