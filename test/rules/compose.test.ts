import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { environmentName, loadSettings, settingNames } from '@tandem/shared/config';

const REPOSITORY = join(import.meta.dirname, '../..');

interface Service {
  command?: string;
  profiles?: string[];
  environment?: Record<string, string | number>;
}

/** Services of the product with their environment, as Compose makes it where nothing is set outside. */
function servicesOf(file: string): Map<string, Record<string, string>> {
  const { services } = parse(readFileSync(join(REPOSITORY, file), 'utf8'), { merge: true }) as { services: Record<string, Service> };
  const own = Object.entries(services).filter(([, { command = '', profiles }]) => profiles === undefined && /^(stage|gateway)/.test(command));
  const filled = (value: string | number) => String(value).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  return new Map(own.map(([name, { environment = {} }]) => [name, Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filled(value)]))]));
}

const files = ['docker-compose.yml', 'deploy/compose.host-network.yml'];

test('both compose files have all stages and a gateway', () => {
  for (const file of files) expect([...servicesOf(file).keys()].toSorted(), file).toEqual(['classifier', 'fusion', 'gateway', 'scheduler', 'worker']);
});

test.each(files)('every variable of %s is a setting that takes its value', (file) => {
  const known = new Set(settingNames.map(environmentName));
  for (const environment of servicesOf(file).values()) {
    expect(Object.keys(environment).filter((name) => name.startsWith('TANDEM_') && !known.has(name))).toEqual([]);
    expect(() => loadSettings({ environment })).not.toThrow();
  }
});

test('where all share the host’s network, none takes another’s port', () => {
  const services = [...servicesOf('deploy/compose.host-network.yml').values()];
  const ports = services.flatMap(({ TANDEM_HTTP_PORT, TANDEM_GATEWAY_PORT }) => [TANDEM_HTTP_PORT, TANDEM_GATEWAY_PORT].flatMap((port) => port ?? []));
  expect(ports).toHaveLength(6);
  expect(new Set(ports).size).toBe(6);
});
