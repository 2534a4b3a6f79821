import { availableParallelism, totalmem } from 'node:os';
import { failed, ok } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const NODE_AT_LEAST = 24;
const GIBIBYTE = 1_073_741_824;

/** TypeScript sources run as they are from Node 24 on. */
export const nodeCheck: Check = {
  name: 'node',
  async run() {
    const { node } = process.versions;
    if (Number.parseInt(node, 10) < NODE_AT_LEAST) {
      return [failed('node_too_old', `this is Node ${node}; ${NODE_AT_LEAST} or later is needed`, 'npm ci    (installs Node 24 for this project; npx tandem then uses it)')];
    }
    const memory = (process.constrainedMemory() || totalmem()) / GIBIBYTE;
    return [ok(`Node ${node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ${Math.min(memory, totalmem() / GIBIBYTE).toFixed(1)} GiB of memory`)];
  },
};
