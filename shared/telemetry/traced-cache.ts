import type { Cache } from '../cache/types.ts';
import { currentSpan } from './tracing.ts';

type Operation = 'get' | 'set' | 'setIfAbsent' | 'increment' | 'delete' | 'deleteOwned' | 'append' | 'list';
const OPERATIONS: readonly Operation[] = ['get', 'set', 'setIfAbsent', 'increment', 'delete', 'deleteOwned', 'append', 'list'];

/** Keys hold users' and requests' ids: spans name the operation alone. */
async function traced<Result>(operation: Operation, call: () => Promise<Result>): Promise<Result> {
  const span = currentSpan();
  if (span?.recording !== true) return call();
  const child = span.child(`redis ${operation}`, { kind: 'client', attributes: { 'db.system.name': 'redis', 'db.operation.name': operation } });
  try {
    const result = await call();
    child.end();
    return result;
  } catch (error) {
    child.end(error);
    throw error;
  }
}

/** The cache, with a span for each call that is made while a sampled record is handled. */
export function tracedCache(cache: Cache): Cache {
  return new Proxy(cache, {
    get(target, name) {
      // Private fields want the target itself.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
      if (!OPERATIONS.includes(name as Operation)) return call;
      return (...args: unknown[]) => traced(name as Operation, () => call(...args));
    },
  });
}
