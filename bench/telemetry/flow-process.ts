/**
 * A stage, or a chain of them, as `tandem stage` runs it, but that its telemetry can be switched while it runs: `PUT /way`. Arguments: the stages joined
 * by +, the port of that switch, the collector's URL, and flags of `tandem stage`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { STAGE_NAMES } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { System } from '../../services/cli/compose/system.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { tuneCollector } from '../../services/cli/garbage-collection.ts';
import { optionsOf } from './options-of.ts';
import { isWay, switchTo, switchedMetrics, switchedTracing } from './switched.ts';

/** Answers with the CPU time that it has used, µs, after the switch, if one is asked for. */
async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const way = (await text(request)).trim();
  if (isWay(way)) switchTo(way);
  const { user, system } = process.cpuUsage();
  response.end(String(user + system));
}

const [unit = '', port, collector = '', ...flags] = process.argv.slice(2);
tuneCollector();
switchedMetrics();
const names = STAGE_NAMES.filter((name) => unit.split('+').includes(name));
const settings = { ...loadSettings({ flags: optionsOf(flags) }), chain: names.length > 1 ? unit : 'none' };
const ports = await openPorts(settings, unit);
const tracing = await switchedTracing(unit, collector);
await ensureTopology(settings, ports);
await System.start(names, settings, { ...ports, tracing });
createServer((request, response) => void control(request, response)).listen(Number(port), '127.0.0.1');
