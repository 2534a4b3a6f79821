import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';

const PAGE = join(import.meta.dirname, '../../docs/gateway.md');

/** A program of docs/gateway.md as a file, pointed at a gateway that runs here. */
export async function snippetOf(name: string, extension: string, gatewayUrl: string): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const [, code] = new RegExp(`<!-- snippet: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]+?)\`\`\``).exec(page) ?? [];
  expect(code).toContain('127.0.0.1:8080');
  const folder = await mkdtemp(join(tmpdir(), 'gateway-clients-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Not under the name of the package that it imports.
  const file = join(folder, `${name}-snippet.${extension}`);
  await writeFile(file, code!.replaceAll('127.0.0.1:8080', new URL(gatewayUrl).host));
  return file;
}
