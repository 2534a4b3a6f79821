import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DASHBOARDS } from './dashboards.ts';
import { grafanaJson } from './grafana.ts';
import { withMetricsTable } from './metrics-table.ts';

const FOLDER = join(import.meta.dirname, '..');
const TABLE = join(FOLDER, '../../docs/metrics.md');

/** What the files that are made have to hold, by path. */
export function madeFiles(): Map<string, string> {
  const dashboards = DASHBOARDS.map((dashboard) => [join(FOLDER, 'dashboards', `${dashboard.name}.json`), `${JSON.stringify(grafanaJson(dashboard), null, 2)}\n`] as const);
  return new Map([...dashboards, [TABLE, withMetricsTable(readFileSync(TABLE, 'utf8'))]]);
}
