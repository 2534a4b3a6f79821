/** Stands for a collector on another machine: takes spans and forgets them. Prints its port, and at the end how many bytes came in how many requests. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

let [bytes, requests] = [0, 0];

const server = createServer((request, response) => {
  requests += 1;
  request.on('data', (chunk: Buffer) => (bytes += chunk.byteLength)).on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
}).listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

process.once('SIGTERM', () => {
  process.stderr.write(`the collector was sent ${(bytes / 1e6).toFixed(1)} MB in ${requests} requests\n`);
  process.exit();
});
