/** Stands for a collector on another machine: takes spans and forgets them, as cheaply as can be. Prints its port. */
import { createServer, type AddressInfo } from 'node:net';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n';

/** Of the request whose head ends there; 0 where it does not say. */
function lengthOf(head: string): number {
  return Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
}

const server = createServer((socket) => {
  let head = '';
  let left = 0;
  socket.on('error', () => socket.destroy()).on('data', (chunk) => {
    for (let rest = chunk; rest.length > 0;) {
      if (left === 0) {
        head += rest.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        left = lengthOf(head);
        rest = Buffer.from(head.slice(end + 4), 'latin1');
        head = '';
        if (left === 0) socket.write(ANSWER);
      }
      const taken = Math.min(left, rest.length);
      left -= taken;
      rest = rest.subarray(taken);
      if (taken > 0 && left === 0) socket.write(ANSWER);
      if (rest.length === 0) return;
    }
  });
}).listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
