import type { ErrorCode } from '@tandem/schemas';

/** Codes of records that would end as the same dead letter again, and why. */
const IN_VAIN: Partial<Record<ErrorCode, string>> = {
  unreadable_batch: 'it is a whole batch of a producer; its records have to be sent again',
  empty_value: 'the record has no value',
  too_large: 'the record is too large, however often it is read',
  invalid_encoding: 'its bytes are not UTF-8',
  invalid_json: 'its text is not JSON',
  too_deep: 'it is nested too deep',
  invalid_request: 'it does not fit the schema; send it mended, with a new id',
  invalid_interaction: 'it does not fit the schema; send it mended',
  duplicate_request: 'another request of that id is answered; send it with a new id',
  invalid_record: 'no stage can read it',
  model_crash: 'it has ended its inference thread again and again',
};

/** Undefined: it may succeed now. */
export function whyInVain(code: string): string | undefined {
  return IN_VAIN[code as ErrorCode];
}
