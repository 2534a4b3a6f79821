import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodeSchema, reasonSchema, statusSchema } from './codes.ts';
import { gatewayCodeSchema } from './gateway-codes.ts';

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'codes.md'), 'utf8');

/** The first cells of the table below a heading. */
function documented(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code ?? '').sort();
}

it.each([
  ['`status`', statusSchema.options],
  ['`reason`', reasonSchema.options],
  ['`error.code`', errorCodeSchema.options],
  ['`code` of a problem', gatewayCodeSchema.options],
])('docs/codes.md explains every %s, and no other', (heading, codes) => {
  expect(documented(heading)).toEqual([...codes].sort());
});
