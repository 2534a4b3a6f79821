import { writeFileSync } from 'node:fs';
import { madeFiles } from './files.ts';

for (const [path, text] of madeFiles()) writeFileSync(path, text);
