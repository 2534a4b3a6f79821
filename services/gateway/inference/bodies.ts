import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { describeIssues } from '../problems/describe-issues.ts';
import { Problem } from '../problems/problem.ts';
import { headerOf } from '../requests/call.ts';
import { inferRequestSchema, type InferRequest } from './infer-request.ts';
import type { InferOutput, WrittenTensors } from './write-tensors.ts';

const LENGTH_HEADER = 'inference-header-content-length';
const decompress = { gzip: promisify(gunzip), deflate: promisify(inflate) };
const compress = { gzip: promisify(gzip), deflate: promisify(deflate) };
type Encoding = keyof typeof compress;

export interface InferBody {
  request: InferRequest;
  /** What follows the JSON. */
  binary: Buffer;
}

/**
 * JSON, and binary data behind it where `Inference-Header-Content-Length` says how long the JSON is.
 * @throws {Problem} `invalid_json`, `invalid_request`, `too_large`
 */
export async function readInferBody(request: FastifyRequest, maxBytes: number): Promise<InferBody> {
  const body = await decoded(request, maxBytes);
  const announced = headerOf(request, LENGTH_HEADER);
  const length = announced === undefined ? body.length : Number(announced);
  if (!Number.isInteger(length) || length < 0 || length > body.length) throw new Problem('invalid_request', { detail: `Inference-Header-Content-Length: a whole number up to the body’s ${body.length} bytes is expected.` });
  const parsed = inferRequestSchema.safeParse(parse(body.subarray(0, length)));
  if (!parsed.success) throw new Problem('invalid_request', { detail: describeIssues(parsed.error) });
  return { request: parsed.data, binary: body.subarray(length) };
}

async function decoded(request: FastifyRequest, maxOutputLength: number): Promise<Buffer> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const encoding = headerOf(request, 'content-encoding') ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip' && encoding !== 'deflate') throw new Problem('unsupported_media_type', { detail: 'Content-Encoding: gzip, deflate or none are taken.' });
  return decompress[encoding](body, { maxOutputLength }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new Problem('too_large', { detail: `The body has more than ${maxOutputLength} bytes when it is decompressed.` });
    throw new Problem('invalid_request', { detail: `The body is not ${encoding}.` });
  });
}

function parse(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    throw new Problem('invalid_json', { detail: 'The body is not JSON; where binary data follows it, Inference-Header-Content-Length says how long the JSON is.' });
  }
}

export interface InferAnswer {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: InferOutput[];
}

export interface EncodedBody {
  headers: Record<string, string>;
  body: Buffer;
}

/** The answer as bytes, compressed as the caller likes. */
export async function writeInferBody(request: FastifyRequest, answer: Omit<InferAnswer, 'outputs'>, { outputs, binary }: WrittenTensors): Promise<EncodedBody> {
  const json = Buffer.from(JSON.stringify({ ...answer, outputs }));
  const body = binary.length === 0 ? json : Buffer.concat([json, ...binary]);
  const type = binary.length === 0 ? { 'content-type': 'application/json; charset=utf-8' } : { 'content-type': 'application/octet-stream', [LENGTH_HEADER]: String(json.length) };
  const encoding = encodingFor(request);
  if (encoding === undefined) return { headers: type, body };
  return { headers: { ...type, 'content-encoding': encoding, vary: 'accept-encoding' }, body: await compress[encoding](body) };
}

function encodingFor(request: FastifyRequest): Encoding | undefined {
  const accepted = (headerOf(request, 'accept-encoding') ?? '').split(',').map((part) => part.trim().toLowerCase());
  return (['gzip', 'deflate'] as const).find((encoding) => accepted.includes(encoding));
}
