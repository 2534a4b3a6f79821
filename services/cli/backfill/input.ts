import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { readLines, type Line } from './line-reader.ts';

/** Where requests come from. */
export interface InputSource {
  /** Shown to people. */
  description: string;
  /** Names what is read, so that a job is not resumed with another input. */
  fingerprint: string;
  /** In the ids of requests that have none; other runs of the same input have the same. */
  defaultJob: string;
  /** False: what has been read cannot be read again, unless it is offered again. */
  repeatable: boolean;
  /** How far reading has got, 0..1; undefined where the end is not known. */
  progress(): number | undefined;
  /** Once. Numbers of lines are the same each time. */
  lines(maxBytes: number): AsyncIterable<Line[]>;
}

const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * A file, gzipped or not.
 * @throws {TandemError} `input_unreadable`
 */
export async function openFile(path: string): Promise<InputSource> {
  const full = resolve(path);
  const { size, mtimeMs } = await stat(full).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const fingerprint = `file ${full}, ${size} bytes, of ${new Date(mtimeMs).toISOString()}`;
  let read = 0;
  return {
    description: path,
    fingerprint,
    defaultJob: shortHash(fingerprint),
    repeatable: true,
    progress: () => (size === 0 ? 1 : Math.min(1, read / size)),
    lines: (maxBytes) => readLines(decompressed(counted(createReadStream(full), (bytes) => (read += bytes)), path), maxBytes),
  };
}

/** Standard input, gzipped or not. */
export function openStandardInput(stream: AsyncIterable<Buffer>): InputSource {
  return {
    description: 'standard input',
    fingerprint: 'standard input',
    defaultJob: randomUUID().slice(0, 12),
    repeatable: false,
    progress: () => undefined,
    lines: (maxBytes) => readLines(decompressed(stream, 'standard input'), maxBytes),
  };
}

/** Names of jobs: short, and safe in ids. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

async function* counted(chunks: AsyncIterable<Buffer>, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onRead(chunk.length);
    yield chunk;
  }
}

/** By content, whatever the name: what begins as gzip does is taken apart. */
async function* decompressed(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    if (first.done === true) return;
    const whole = rest(first.value, iterator);
    const isGzip = GZIP_MAGIC.every((byte, index) => first.value[index] === byte);
    yield* isGzip ? unzipped(whole) : whole;
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unzipped(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  // Whoever reads hears of its failures.
  return pipeline(Readable.from(chunks), createGunzip(), () => undefined);
}

async function* rest(first: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}

function unreadable(name: string, cause: unknown): TandemError {
  return new TandemError(`${name} cannot be read: ${messageOf(cause)}`, { code: 'input_unreadable', cause });
}
