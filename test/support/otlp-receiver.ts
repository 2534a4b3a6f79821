import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { decodeExportRequest } from './otlp-protobuf.ts';
import type { ExportRequest, SentSpan } from './otlp-spans.ts';

export interface ReceivedSpan extends SentSpan {
  /** service.name of the process that sent it. */
  service: string;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Content types of the exporters' requests. */
  readonly encodings: Set<string>;
}

function spansOf({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service })));
  });
}

function read(encoding: string, body: Buffer): ExportRequest {
  return encoding === 'application/json' ? (JSON.parse(body.toString('utf8')) as ExportRequest) : decodeExportRequest(body);
}

/** Takes what an OpenTelemetry exporter sends over HTTP, as JSON or protobuf. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const encodings = new Set<string>();
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const encoding = request.headers['content-type'] ?? '';
      encodings.add(encoding);
      if (request.url === '/v1/traces') for (const span of spansOf(read(encoding, body))) spans.push(span);
      response.writeHead(200, { 'content-type': encoding }).end(encoding === 'application/json' ? '{}' : '');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    encodings,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
