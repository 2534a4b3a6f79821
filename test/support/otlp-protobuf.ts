import type { Attribute, ExportRequest, SentSpan } from './otlp-spans.ts';

/** Field number, then a number or the bytes of a string, of bytes or of a message. https://protobuf.dev/programming-guides/encoding */
type Field = [number: number, value: bigint | Buffer];

function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    for (let [value, shift] = [0n, 0n]; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case 0: yield [number, varint()]; break;
      case 1: yield [number, take(8).readBigUInt64LE()]; break;
      case 2: yield [number, take(Number(varint()))]; break;
      case 5: yield [number, BigInt(take(4).readUInt32LE())]; break;
      default: throw new Error(`a wire type that OTLP does not use, at byte ${at}`);
    }
  }
}

function all<Result>(message: Buffer, number: number, read: (value: Buffer) => Result): Result[] {
  return [...fieldsOf(message)].flatMap(([field, value]) => (field === number && Buffer.isBuffer(value) ? [read(value)] : []));
}

const text = (message: Buffer, number: number) => all(message, number, (value) => value.toString('utf8'))[0] ?? '';
const id = (message: Buffer, number: number) => all(message, number, (value) => value.toString('hex'))[0] ?? '';

function attribute(message: Buffer): Attribute {
  return { key: text(message, 1), value: { stringValue: all(message, 2, (value) => text(value, 1))[0] ?? '' } };
}

function span(message: Buffer): SentSpan {
  const parentSpanId = id(message, 4);
  return {
    traceId: id(message, 1), spanId: id(message, 2), name: text(message, 5),
    ...(parentSpanId === '' ? {} : { parentSpanId }),
    attributes: all(message, 9, attribute),
    links: all(message, 13, (link) => ({ traceId: id(link, 1), spanId: id(link, 2) })),
  };
}

/** An ExportTraceServiceRequest, as far as tests look at it. Numbers as in opentelemetry/proto/trace/v1/trace.proto. */
export function decodeExportRequest(bytes: Buffer): ExportRequest {
  return {
    resourceSpans: all(bytes, 1, (resourceSpans) => ({
      resource: { attributes: all(resourceSpans, 1, (resource) => all(resource, 1, attribute)).flat() },
      scopeSpans: all(resourceSpans, 2, (scopeSpans) => ({ spans: all(scopeSpans, 2, span) })),
    })),
  };
}
