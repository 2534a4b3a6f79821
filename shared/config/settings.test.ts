import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { environmentName, loadSettings, type SettingsSources } from './settings.ts';

function settingsFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-settings-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tandem.yaml');
  writeFileSync(file, text);
  return file;
}

test('a flag wins over the environment, which wins over the file, which wins over the default', () => {
  const file = settingsFile('partitions: 2\nthreads: 2\nmaxBatchSize: 2\n');
  const environment = { TANDEM_THREADS: '3', TANDEM_MAX_BATCH_SIZE: '3' };
  const settings = loadSettings({ file, environment, flags: { maxBatchSize: '4', threads: undefined } });
  expect(settings).toMatchObject({ partitions: 2, threads: 3, maxBatchSize: 4, maxQueueDelayMs: 5 });
});

test('a broker is host:port', () => {
  expect(complaintAbout({ flags: { kafka: '127.0.0.1' } })).toMatch(/kafka = "127.0.0.1": must be host:port \(flag --kafka/);
  expect(loadSettings({ flags: { kafka: '[::1]:9092' } }).kafka).toEqual(['[::1]:9092']);
});

test('lists are comma-separated text', () => {
  expect(loadSettings({ flags: { kafka: 'a:9092, b:9092' } }).kafka).toEqual(['a:9092', 'b:9092']);
});

function complaintAbout(sources: SettingsSources): string {
  try {
    loadSettings(sources);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the settings were accepted');
}

test('every complaint names the setting, its value, its flag and its variable', () => {
  const complaint = complaintAbout({ flags: { partitions: 'many' }, environment: { TANDEM_HTTP_PORT: '-1' } });
  expect(complaint).toMatch(/partitions = "many": .*--partitions, environment TANDEM_PARTITIONS/);
  expect(complaint).toMatch(/httpPort = "-1": .*--http-port, environment TANDEM_HTTP_PORT/);
  expect(complaintAbout({ flags: { colour: 'red' } })).toMatch(/unknown setting colour; known are kafka/);
});

test.each([
  ['gatewayPort', 'abc', 'a number is expected'], ['gatewayPort', '99999', 'at most 65535 is expected'], ['partitions', '0', 'at least 1 is expected'], ['partitions', '1.5', 'a whole number is expected'],
  ['logLevel', 'loud', 'one of trace, debug, info, warn, error, silent is expected'], ['kafkaTls', 'x', 'one of 0, 1, on, off, true, false is expected'], ['tierWeights', 'vip', 'must be name:weight[,name:weight]'],
])('of %s = %s it says in words what would be valid: %s', (name, value, wanted) => {
  expect(complaintAbout({ flags: { [name]: value } })).toContain(`: ${wanted}`);
});

test.each([['kafak', 'kafka'], ['max-batch-size', 'maxBatchSize']])('of a setting %s it asks whether %s is meant', (given, meant) => {
  expect(complaintAbout({ flags: { [given]: '1' } })).toBe(`unknown setting ${given}; is ${meant} meant?`);
});

test('a password in a Redis address is never shown', () => {
  expect(complaintAbout({ flags: { redis: 'http://:secret@host' } })).not.toContain('secret');
});

test('a settings file that cannot be read is named', () => {
  expect(() => loadSettings({ file: '/does/not/exist.yaml' })).toThrow(/cannot read settings from \/does\/not\/exist.yaml \(ENOENT/);
  expect(() => loadSettings({ file: settingsFile('- 1\n- 2\n') })).toThrow(/with settings by name is expected/);
});

test('environment names follow from setting names', () => {
  expect(environmentName('maxQueueDelayMs')).toBe('TANDEM_MAX_QUEUE_DELAY_MS');
});

test('shares and timeouts are pairs in text, and objects in a file', () => {
  const text = loadSettings({ flags: { tierWeights: 'vip:8, free:0.5', tierTimeouts: 'free:20:reject,standard:50:delay', preferredBatchSizes: '8,16' } });
  expect(text.tierWeights).toEqual({ vip: 8, free: 0.5 });
  expect(text.tierTimeouts).toEqual({ free: { ms: 20, action: 'reject' }, standard: { ms: 50, action: 'delay' } });
  expect(text.preferredBatchSizes).toEqual([8, 16]);
  const file = settingsFile('tenantWeights:\n  acme: 3\ntierTimeouts:\n  free: { ms: 20, action: reject }\n');
  expect(loadSettings({ file })).toMatchObject({ tenantWeights: { acme: 3 }, tierTimeouts: { free: { ms: 20, action: 'reject' } }, tierWeights: { vip: 4, standard: 1 } });
});

test.each([
  ['tierWeights', 'vip'], ['tierWeights', 'vip:0'], ['tenantWeights', 'acme:much'], ['tierTimeouts', 'free:20'], ['tierTimeouts', 'free:0:reject'],
  ['tierTimeouts', 'free:20:drop'], ['preferredBatchSizes', '4,many'], ['whenFull', 'drop'],
])('%s = %s is refused by name', (name, value) => {
  expect(complaintAbout({ flags: { [name]: value } })).toContain(`${name} = "${value}": `);
});
