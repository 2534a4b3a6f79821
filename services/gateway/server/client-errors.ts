import type { Socket } from 'node:net';
import { Problem, type ProblemCode } from '../problems/problem.ts';

const CODES: Readonly<Record<string, readonly [ProblemCode, string, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'Request Header Fields Too Large', 'The headers are larger than 16 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'Request Timeout', 'The headers did not come in time.'],
};

/** What is not HTTP, or too slow, or too large to become a request. */
export function answerClientErrors(error: Error & { code?: string }, socket: Socket): void {
  // Reset by the client: nobody is there to answer.
  if (error.code === 'ECONNRESET' || socket.destroyed) return void socket.destroy();
  const [code, phrase, detail] = CODES[error.code ?? ''] ?? (['invalid_request', 'Bad Request', 'This is not HTTP.'] as const);
  const problem = new Problem(code, { detail });
  const body = JSON.stringify(problem.body);
  const head = `HTTP/1.1 ${problem.status} ${phrase}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  if (socket.writable) socket.write(head + body);
  socket.destroySoon();
}
