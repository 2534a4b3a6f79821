import { z } from 'zod';

/**
 * The closed lists that outside programs may rely on. Documented in docs/codes.md.
 * A new member is a compatible change; renaming or removing one is not.
 */

/** What became of a request, as its response says. */
export const statusSchema = z.enum([
  'complete', 'degraded', 'rejected', 'failed',
  'provisional', // not final: what is known so far; only where it was asked for
]);
export type Status = z.infer<typeof statusSchema>;

/** Why a response is not simply `complete`, or what to know about a complete one. */
export const reasonSchema = z.enum([
  'deadline', // the deadline came before all steps had answered
  'overload', // shed because the flow has more work than it can do in time
  'expired', // the deadline had passed before work began
  'step_failed', // a step failed; the answer is what the others gave
  'unknown_user', // no history is known for the user: popular items
  'features_stale', // the user's latest interactions could not be waited for
  'no_variant', // no worker serves the model that a step needs
  'invalid', // the request does not fit its schema
  'cancelled', // the sender took the request back
]);
export type Reason = z.infer<typeof reasonSchema>;

/** Codes of errors in responses and of dead letters. */
export const errorCodeSchema = z.enum([
  'unreadable_batch', // the producer's batch cannot be decompressed, or is damaged
  'invalid_encoding', // the bytes are not UTF-8
  'invalid_json', // the text is not JSON
  'empty_value', // a record without a value
  'invalid_request', // JSON, but not a request
  'invalid_interaction', // JSON, but not an interaction
  'invalid_input', // `input` does not fit the workload
  'unknown_workload', // no workload of that name
  'unknown_item', // an item id that is not in the catalogue
  'too_deep', // nested deeper than the limit
  'too_many_fields', // more fields, items or headers than the limit
  'too_large', // larger than the record limit
  'expired', // the deadline had passed on arrival
  'duplicate_request', // the same request id from another offset
  'unsupported_schema_version', // written by a newer, incompatible version
  'invalid_record', // an internal record that cannot be read
  'step_failed', // the model failed on this input
  'no_variant', // no worker serves the model
  'variant_unavailable', // the variant has failed repeatedly and is taken out for a while
  'model_crash', // the input has ended its inference process or thread again and again
  'overload', // shed
  'quota_exceeded', // more than its workload or tenant may send
  'cancelled', // the sender took the request back
  'internal', // a defect in Tandem
]);
export type ErrorCode = z.infer<typeof errorCodeSchema>;
