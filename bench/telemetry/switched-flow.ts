import { join } from 'node:path';
import { STAGE_NAMES } from '@tandem/schemas';
import { freePorts } from '../../test/support/processes.ts';
import type { Contender } from '../harness/contender.ts';
import { startContender } from '../harness/process-contender.ts';
import type { Way } from './switched.ts';

const PROCESS = join(import.meta.dirname, 'flow-process.ts');
const SCRAPE_MS = 5_000;

/** Which stages run in which process. */
const LAYOUTS: Readonly<Record<string, readonly string[]>> = {
  none: STAGE_NAMES, edge: ['classifier+scheduler+fusion', 'worker'], all: [STAGE_NAMES.join('+')],
};

export interface SwitchedFlow extends Disposable {
  contender: Contender;
  /** All its processes; their metrics are scraped wherever they count. */
  switchTo(way: Way): Promise<void>;
  /** Of all its processes since they began, µs. */
  cpuUs(): Promise<number>;
}

/** Stages in processes of their own whose telemetry is switched while they run. @throws {Error} for a chain that is none of none, edge, all */
export async function switchedFlow(chain: string, collector: string, flags: readonly string[]): Promise<SwitchedFlow> {
  const units = LAYOUTS[chain];
  if (units === undefined) throw new Error(`--chain ${chain}: one of ${Object.keys(LAYOUTS).join(', ')}`);
  const ports = await freePorts(2 * units.length);
  const controls = units.map((_, index) => `http://127.0.0.1:${ports[index]}`);
  const statuses = units.map((_, index) => ports[units.length + index]);
  const tell = (body: string) => Promise.all(controls.map(async (url) => Number(await (await fetch(url, { method: 'PUT', body })).text())));
  let counts = false;
  const scrapes = setInterval(() => {
    if (counts) for (const port of statuses) void scrape(port);
  }, SCRAPE_MS);
  return {
    contender: {
      name: 'tandem', description: `stages, chain ${chain}`, task: 'full',
      start: ({ kafka, prefix, folder }) => Promise.resolve(startContender(units.map((unit, index) => ({
        command: process.execPath,
        args: [PROCESS, unit, String(ports[index]), collector, '--kafka', kafka, '--prefix', prefix, '--http-port', String(statuses[index]), '--log-level', 'error', ...flags],
      })), folder)),
    },
    async switchTo(way) {
      counts = way !== 'off';
      await tell(way);
    },
    cpuUs: async () => (await tell('')).reduce((sum, us) => sum + us, 0),
    [Symbol.dispose]: () => clearInterval(scrapes),
  };
}

/** As Prometheus does. */
async function scrape(port: number | undefined): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: 'application/openmetrics-text' } }).catch(() => undefined);
  await answer?.text();
}
