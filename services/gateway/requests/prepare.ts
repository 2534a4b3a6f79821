import { createHash, randomUUID } from 'node:crypto';
import { HEADER, idSchema, requestIdSchema, requestSchema, topicName, type Request, type Workload } from '@tandem/schemas';
import { affinityKey } from '@tandem/shared/core';
import { partitionOfKey, type Headers, type OutgoingRecord } from '@tandem/shared/log';
import { z } from 'zod';
import type { Credential } from '../auth/credential.ts';
import type { GatewayContext } from '../context.ts';
import { describeIssues } from '../problems/describe-issues.ts';
import { Problem } from '../problems/problem.ts';
import type { Place } from '../replies/look-up.ts';

/** A request as a client writes it: without an id it gets one. */
export const draftSchema = requestSchema.extend({ requestId: requestIdSchema.optional().describe('chosen by the client, or by the gateway where absent; a second call with the same id gets the first one’s answer') });

const idempotencyKeySchema = z.string().regex(/^[\x21-\x7e]{1,255}$/);

/** What a call says beside its body. */
export interface Call {
  credential: Credential;
  idempotencyKey?: string | undefined;
  /** W3C trace context, to go on with. */
  trace: Headers;
  /** The caller can take provisional responses: they are asked for where the body does not say otherwise. */
  takesProvisional?: boolean;
}

export interface PreparedRequest {
  /** As the client knows it. */
  requestId: string;
  /** As the flow knows it: ids of several tenants never meet. */
  flowId: string;
  request: Request;
  workload: Workload | undefined;
  /** The client chose the id, or a key that stands for it: a second call is the same request. */
  isIdempotent: boolean;
  /** From now until the answer is worthless, ms; undefined: never. */
  deadlineMs: number | undefined;
  place: Place;
  record: OutgoingRecord;
}

/** @throws {Problem} `invalid_request`, `too_deep` */
export function prepareRequest(body: unknown, call: Call, context: GatewayContext): PreparedRequest {
  const draft = parseDraft(body);
  const { requestId, isIdempotent } = chooseId(draft.requestId, call.idempotencyKey);
  const flowId = flowIdOf(requestId, call.credential);
  const request: Request = withTier({ ...draft, requestId: flowId }, call.credential);
  const workload = context.workloadsByName.get(request.workload);
  const value = textOf(call.takesProvisional === true && workload?.provisional === 'asked' ? askingForProvisional(request) : request);
  const deadlineMs = request.hints?.deadlineMs ?? workload?.deadlineMs ?? undefined;
  const key = affinityKey(request);
  const place = { partition: partitionOfKey(key, context.settings.partitions), since: context.clock.now() };
  const record = { topic: topicName(context.settings.prefix, 'requests'), key, value, headers: headersOf(call, context) };
  return { requestId, flowId, request, workload, isIdempotent, deadlineMs, place, record };
}

/** @throws {Problem} `invalid_request` */
export function flowIdOf(requestId: string, { tenant }: Credential): string {
  const id = requestIdSchema.safeParse(tenant === undefined ? requestId : `${tenant}/${requestId}`);
  if (id.success) return id.data;
  throw new Problem('invalid_request', { detail: `requestId: ${id.error.issues[0]?.message ?? 'is not valid'} (with the tenant’s name in front)` });
}

function parseDraft(body: unknown): z.infer<typeof draftSchema> {
  const parsed = draftSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Problem('invalid_request', { detail: describeIssues(parsed.error) });
}

function chooseId(requestId: string | undefined, idempotencyKey: string | undefined): { requestId: string; isIdempotent: boolean } {
  if (idempotencyKey === undefined) return { requestId: requestId ?? randomUUID(), isIdempotent: requestId !== undefined };
  if (requestId !== undefined) throw new Problem('invalid_request', { detail: 'Give a requestId in the body or the header Idempotency-Key, not both: each names the request.' });
  if (!idempotencyKeySchema.safeParse(idempotencyKey).success) throw new Problem('invalid_request', { detail: 'Idempotency-Key: 1 to 255 printable ASCII characters without spaces are expected.' });
  return { requestId: `idem-${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 40)}`, isIdempotent: true };
}

/** A tier is the credential's to say, where there is one. */
function withTier(request: Request, { tier }: Credential): Request {
  return tier === undefined ? request : { ...request, hints: { ...request.hints, tier: idSchema.parse(tier) } };
}

/** Not a part of what makes two calls the same. */
function askingForProvisional(request: Request): Request {
  return { ...request, hints: { provisional: true, ...request.hints } };
}

function textOf(request: Request): string {
  try {
    return JSON.stringify(request);
  } catch {
    // JSON.parse takes any depth, and writing it again runs out of stack.
    throw new Problem('too_deep', { detail: 'Arrays and objects are nested too deep; 32 levels are read.' });
  }
}

function headersOf({ credential: { tenant }, trace }: Call, { desk }: GatewayContext): Headers {
  return { ...trace, [HEADER.replyTo]: desk.address, ...(tenant === undefined ? {} : { [HEADER.tenant]: tenant }) };
}

/** Of what was asked for, without its id. */
export function fingerprintOf({ requestId: _, time: __, ...asked }: Request): string {
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url').slice(0, 22);
}
