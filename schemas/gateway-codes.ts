import { z } from 'zod';

/**
 * Codes of problems that the gateway finds itself, beside those of responses. A closed list, as in codes.ts; documented in
 * docs/codes.md.
 */
export const gatewayCodeSchema = z.enum([
  'unauthenticated', // no credential, or one that is not valid
  'forbidden', // the credential lacks the scope, or the address is not this gateway's
  'rate_limited', // more calls than the credential's rate
  'not_found', // no such route
  'unsupported_media_type', // a content type that the route does not take
  'request_timeout', // the call came in too slowly
  'headers_too_large', // more header bytes than the limit
  'no_answer', // no response in time; it may still come
  'log_unavailable', // the request could not be written in time
  'unknown_request', // no answer is kept under that id
  'idempotency_conflict', // the id or key was used for another body
  'draining', // the gateway is going away
  'unknown_model', // no model of that name
  'invalid_tensor', // tensors that do not fit the model
  'not_supported', // a call of the inference protocol that Tandem has no use for
]);
export type GatewayCode = z.infer<typeof gatewayCodeSchema>;
