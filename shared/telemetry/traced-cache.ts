import type { Cache } from '../cache/types.ts';
import { currentSpan, type RecordSpan } from './tracing.ts';

type Operation = 'get' | 'set' | 'setIfAbsent' | 'increment' | 'delete' | 'deleteOwned' | 'append' | 'list';

/** Keys hold users' and requests' ids: spans name the operation alone. */
async function inSpan<Result>(span: RecordSpan, operation: Operation, call: () => Promise<Result>): Promise<Result> {
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

/** Nothing is made for a call of a record that is not sampled. */
function traced<Given extends unknown[], Result>(operation: Operation, call: (...given: Given) => Promise<Result>): (...given: Given) => Promise<Result> {
  return (...given) => {
    const span = currentSpan();
    return span?.recording === true ? inSpan(span, operation, () => call(...given)) : call(...given);
  };
}

/** The cache, with a span for each call that is made while a sampled record is handled. */
export function tracedCache(cache: Cache): Cache {
  return {
    get shared() {
      return cache.shared;
    },
    get description() {
      return cache.description;
    },
    get: traced('get', (...given) => cache.get(...given)),
    set: traced('set', (...given) => cache.set(...given)),
    setIfAbsent: traced('setIfAbsent', (...given) => cache.setIfAbsent(...given)),
    increment: traced('increment', (...given) => cache.increment(...given)),
    delete: traced('delete', (...given) => cache.delete(...given)),
    deleteOwned: traced('deleteOwned', (...given) => cache.deleteOwned(...given)),
    append: traced('append', (...given) => cache.append(...given)),
    list: traced('list', (...given) => cache.list(...given)),
    close: () => cache.close(),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}
