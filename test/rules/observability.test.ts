import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '@tandem/shared/telemetry';
import { DASHBOARDS } from '../../deploy/observability/generate/dashboards.ts';
import { madeFiles } from '../../deploy/observability/generate/files.ts';
import { isOnPath } from '../support/processes.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const OBSERVABILITY = join(REPOSITORY, 'deploy/observability');

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  labels?: { severity?: string };
  annotations?: { summary?: string; runbook_url?: string };
}

const read = (...path: string[]) => readFileSync(join(...path), 'utf8');
const rulesOf = (file: string) => (parse(read(OBSERVABILITY, 'rules', file)) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
const recorded = rulesOf('recording.yml');
const alerts = rulesOf('alerts.yml');

/** Of Prometheus itself, and of the exporter beside a broker. */
const FOREIGN = ['up', 'node_filesystem_avail_bytes'];

function known(): Set<string> {
  const metrics = createMetrics().registry.getMetricsAsArray() as unknown as { name: string; type: string }[];
  const names = metrics.flatMap(({ name, type }) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]));
  return new Set([...names, ...FOREIGN, ...recorded.flatMap(({ record }) => record ?? [])]);
}

/** Names of series in a query: words that are neither functions, labels, nor what a string or a range holds. */
function seriesIn(query: string): string[] {
  const bare = query.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, '').replaceAll(/\{[^}]*\}/g, '').replaceAll(/\b(?:by|on|without|ignoring|group_left) ?\([^)]*\)/g, '');
  return [...bare.matchAll(/[a-zA-Z_:][\w:]*(?!\w*\()\b(?! *\()/g)].map(([name]) => name).filter((name) => !/^(?:and|or|unless|offset|on|by|d|h|m|s|e\d*)$/.test(name));
}

const queries = [
  ...recorded.map(({ record, expr }): [string, string] => [record ?? '', expr]),
  ...alerts.map(({ alert, expr }): [string, string] => [alert ?? '', expr]),
  ...DASHBOARDS.flatMap(({ title, panels }) => panels.flatMap((panel) => Object.values(panel.queries).map((query): [string, string] => [`${title}, ${panel.title}`, query]))),
];

test('what is read out of a query is what it asks for', () => {
  expect(seriesIn('histogram_quantile(0.99, sum by (model, le) (rate(a_bucket{le="x_y"}[5m]))) > 2 * (avg_over_time(b:c[7d] offset 2h) unless on () (d_e))')).toEqual(['a_bucket', 'b:c', 'd_e']);
});

test.each(queries)('%s asks for series that exist', (_name, query) => {
  const names = seriesIn(query);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !known().has(name))).toEqual([]);
});

test('dashboards and the table of metrics are as their description and the code make them', () => {
  for (const [path, text] of madeFiles()) expect(readFileSync(path, 'utf8'), `${path}: npm run generate:observability`).toBe(text);
  const files = readdirSync(join(OBSERVABILITY, 'dashboards'));
  expect(files.toSorted()).toEqual(DASHBOARDS.map(({ name }) => `${name}.json`).toSorted());
});

describe.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))('%s', (name, { labels, annotations }) => {
  test('says how urgent it is, what is wrong, and has a page that names it', () => {
    expect(['page', 'ticket']).toContain(labels?.severity);
    expect(annotations?.summary).toBeTruthy();
    const page = read(REPOSITORY, annotations?.runbook_url ?? 'none');
    expect(page).toContain(name);
    for (const heading of ['## What it means', '## Look', '## Mend']) expect(page).toContain(heading);
  });

  test('is tried by a test, and listed among the operations', () => {
    const tests = ['alerts.yml', 'slow-alerts.yml'].map((file) => read(OBSERVABILITY, 'tests', file)).join('');
    expect(tests).toContain(`alertname: ${name}\n        exp_alerts:\n          - exp_labels`);
    expect(read(REPOSITORY, 'docs/operations/README.md')).toContain(`\`${name}\``);
  });
});

test('every page belongs to an alert, and its commands exist', () => {
  const pages = readdirSync(join(REPOSITORY, 'docs/operations')).filter((file) => file !== 'README.md');
  expect(pages.map((file) => `docs/operations/${file}`).toSorted()).toEqual(alerts.map(({ annotations }) => annotations?.runbook_url).toSorted());
  const commands = readdirSync(join(REPOSITORY, 'services/cli/commands')).map((file) => file.replace(/\.ts$/, ''));
  const used = pages.flatMap((file) => [...read(REPOSITORY, 'docs/operations', file).matchAll(/^(?:npx )?tandem ([a-z-]+)/gm)].map(([, command]) => command ?? ''));
  expect(used.length).toBeGreaterThan(10);
  expect([...new Set(used)].filter((command) => !commands.includes(command))).toEqual([]);
});

describe.skipIf(!isOnPath('promtool'))('promtool (apt-get install prometheus; skipped without it)', () => {
  const promtool = (...args: string[]) => execFileSync('promtool', args, { cwd: OBSERVABILITY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  test('finds the rules and the configuration right', () => {
    expect(promtool('check', 'rules', 'rules/recording.yml', 'rules/alerts.yml')).toContain(`${alerts.length} rules found`);
    expect(promtool('check', 'config', 'prometheus.yml')).toContain('SUCCESS');
  });

  test('sees every alert fire when it should and not otherwise', () => {
    expect(promtool('test', 'rules', 'tests/alerts.yml', 'tests/slow-alerts.yml')).not.toContain('FAILED');
  }, 240_000);
});

test('Prometheus finds every process of Tandem that compose starts', () => {
  const { services } = parse(read(REPOSITORY, 'docker-compose.yml'), { merge: true }) as { services: Record<string, { image?: string }> };
  const ours = Object.entries(services).flatMap(([name, { image }]) => (image?.includes('tandem') === true ? [name] : []));
  expect(ours).toContain('gateway');
  const { scrape_configs: jobs } = parse(read(OBSERVABILITY, 'prometheus.yml')) as { scrape_configs: { job_name: string; dns_sd_configs: { names: string[] }[] }[] };
  expect(jobs.find(({ job_name: name }) => name === 'tandem')?.dns_sd_configs[0]?.names.toSorted()).toEqual(ours.toSorted());
});

test('compose has Prometheus, Grafana and a collector beside the stages when asked', () => {
  const compose = parse(read(REPOSITORY, 'docker-compose.yml')) as { services: Record<string, { profiles?: string[]; volumes?: string[] }> };
  for (const name of ['prometheus', 'grafana', 'collector']) {
    const service = compose.services[name];
    expect(service?.profiles).toEqual(['observability']);
    const mounted = (service?.volumes ?? []).flatMap((volume) => (volume.startsWith('./') ? [volume.split(':')[0] ?? ''] : []));
    expect(mounted.length).toBeGreaterThan(0);
    expect(mounted.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
  }
});
