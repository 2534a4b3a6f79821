import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freePort, startProcess, temporaryFolder } from '../support/processes.ts';
import { until } from '../support/until.ts';

const RULES = join(import.meta.dirname, '../../deploy/observability/rules');

export interface Series {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

export interface Prometheus extends AsyncDisposable {
  /** What the query finds now. */
  ask(query: string): Promise<Series[]>;
  /** Names of the alerts that it has raised itself. */
  firing(): Promise<string[]>;
}

/** The real server, scraping every second what listens on these ports of 127.0.0.1, with our rules. */
export async function startPrometheus(targets: readonly number[]): Promise<Prometheus> {
  const folder = temporaryFolder('tandem-prometheus-');
  mkdirSync(join(folder, 'data'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(RULES, '*.yml')],
    scrape_configs: [{ job_name: 'tandem', static_configs: [{ targets: targets.map((port) => `127.0.0.1:${port}`) }] }],
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const options = [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--enable-feature=exemplar-storage'];
  const server = startProcess('prometheus', options, join(folder, 'prometheus.log'));
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json() as Promise<{ data?: unknown; error?: string }>;
  await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.status === 200, { everyMs: 200, timeoutMs: 60_000, what: () => `Prometheus: ${server.output()}` });
  return {
    async ask(query) {
      const { data, error } = await get(`/api/v1/query?query=${encodeURIComponent(query)}`);
      if (error !== undefined) throw new Error(`${query}: ${error}`);
      return (data as { result: Series[] }).result;
    },
    async firing() {
      const { alerts } = (await get('/api/v1/alerts')).data as { alerts: { state: string; labels: { alertname: string } }[] };
      return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname))];
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** By the alert's name, as the rules have it. */
export function alertExpressions(): Map<string, string> {
  const { groups } = parse(readFileSync(join(RULES, 'alerts.yml'), 'utf8')) as { groups: { rules: { alert: string; expr: string }[] }[] };
  return new Map(groups.flatMap(({ rules }) => rules).map(({ alert, expr }) => [alert, expr]));
}
