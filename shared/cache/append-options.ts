import { TandemError } from '../errors/index.ts';
import type { AppendOptions } from './types.ts';

/** Both implementations refuse the same mistakes. @throws {TandemError} `invalid_argument` */
export function checkAppendOptions({ limit, offset }: AppendOptions): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TandemError(`append: limit is ${limit}; it must be an integer of at least 1`, { code: 'invalid_argument' });
  }
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new TandemError(`append: offset is ${offset}; it must be an integer of at least 0`, { code: 'invalid_argument' });
  }
}
