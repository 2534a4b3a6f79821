import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createProgram } from '../program.ts';
import { commandLineReference } from './markdown.ts';

const FILE = fileURLToPath(new URL('../../../docs/cli.md', import.meta.url));
await writeFile(FILE, commandLineReference(createProgram()));
