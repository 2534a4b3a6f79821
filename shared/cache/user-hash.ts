import { createHash } from 'node:crypto';

/** Stands for a user where his id shall not be: SHA-256, hexadecimal. */
export function userHash(userId: string): string {
  return createHash('sha256').update(userId).digest('hex');
}
