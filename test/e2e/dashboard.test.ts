import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect, inject, onTestFinished, test } from 'vitest';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { NO_CHROMIUM, chromiumPath, launchBrowser } from '../support/browser.ts';
import { startExperiment } from '../../services/cli/compose/start-experiment.ts';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { freePort } from '../support/processes.ts';
import { Client } from '../support/system.ts';
import { until } from '../support/until.ts';

const PATIENCE_MS = 60_000;
/** As docs/dashboard.md says. */
const SILENT_MS = 1_600;
const browserPath = chromiumPath();

interface Deployment {
  client: Client;
  url: string;
  worker: CommandProcess;
  gateway: CommandProcess;
}

/** Stages, a worker and a gateway as processes of their own. */
async function deploy(): Promise<Deployment> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const [kafka, port] = [inject('kafka'), await freePort()];
  const settings = loadSettings({ flags: { kafka, prefix, partitions: '2', logLevel: 'error' } });
  const ports = await openPorts(settings, 'test');
  await ensureTopology(settings, ports);
  const flags = ['--kafka', kafka, '--prefix', prefix, '--partitions', '2', '--http-port', '0', '--log-level', 'warn'];
  const edge = startCommand(['stage', 'edge', ...flags]);
  const worker = startCommand(['stage', 'worker', ...flags, '--threads', '1', '--variants', 'recommend-small.fp32,recommend-large.int8', '--instance', 'worker-1']);
  const gateway = startCommand(['gateway', ...flags, '--gateway-port', String(port)]);
  onTestFinished(async () => {
    await Promise.all([edge, worker, gateway].map((process) => process.stop()));
    await ports[Symbol.asyncDispose]();
  });
  const client = await Client.connect(ports, prefix);
  const url = `http://127.0.0.1:${port}/`;
  const isUp = () => fetch(url).then((response) => response.ok, () => false);
  await until(isUp, { timeoutMs: PATIENCE_MS, what: () => `the gateway; ${gateway.log()}` });
  await client.ask([draft()]);
  return { client, url, worker, gateway };
}

function draft(userId = randomUUID()) {
  return { workload: 'recommend', userId, input: { history: ['1', '2', '3'] }, hints: { task: 'full', deadlineMs: 60_000 } } as const;
}

/** Users who ask, and then take an item. */
async function traffic({ client }: Deployment, users: number): Promise<void> {
  const ids = Array.from({ length: users }, () => randomUUID());
  await client.ask(ids.map((id) => draft(id)));
  await client.write('interactions', ids.map((userId) => JSON.stringify({ userId, itemId: '1', time: Date.now() })));
}

/** @returns the request's id */
async function sendBulk(client: Client): Promise<string> {
  const requestId = randomUUID();
  await client.write('requests.bulk', [JSON.stringify({ requestId, ...draft() })]);
  return requestId;
}

async function open(url: string): Promise<{ page: Page; errors: string[] }> {
  const browser = await launchBrowser(browserPath ?? '');
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  await page.waitForSelector('body[data-state="live"]');
  return { page, errors };
}

/** Half of the users get the large model at once. */
const EXPERIMENT = JSON.stringify({
  name: 'split', workload: 'recommend', model: 'recommend-small',
  arms: [{ name: 'small', precision: 'fp32', weight: 1 }, { name: 'large', model: 'recommend-large', precision: 'int8', weight: 1 }],
});

interface Silence {
  /** Of the snapshot. */
  time: number;
  silentMs: number;
}

/** What the gateway says of the worker: the last snapshot before it is silent, and the first one then. @param onFirst when it is heard for the first time */
async function snapshotsUntilSilence(url: string, onFirst: () => void): Promise<{ lastHeard: Silence; firstSilent: Silence }> {
  const { body } = await fetch(`${url}dashboard/events`);
  let [text, lastHeard]: [string, Silence | undefined] = ['', undefined];
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    const events = (text + chunk).split('\n\n');
    text = events.pop() ?? '';
    for (const event of events.filter((each) => each.startsWith('event: snapshot'))) {
      const { snapshot: { time, workers } } = JSON.parse(event.slice(event.indexOf('{'))) as { snapshot: { time: number; workers: { instance: string; state: string; silentMs: number }[] } };
      const { state, silentMs } = workers.find(({ instance }) => instance === 'worker-1')!;
      if (state === 'silent' && lastHeard !== undefined) return { lastHeard, firstSilent: { time, silentMs } };
      // On a busy machine it may have been silent before.
      if (state === 'silent') continue;
      if (lastHeard === undefined) onFirst();
      lastHeard = { time, silentMs };
    }
  }
  throw new Error('the gateway ended its events');
}

/** The page notes by itself which snapshots it says it is of when it begins to show that the worker is silent. */
async function noteSilence(page: Page): Promise<void> {
  await page.evaluate(`{
    const row = document.querySelector('#workers tr[data-key="worker-1"]');
    window.silentIn = [];
    const note = () => row.dataset.state === 'silent' && window.silentIn.push(document.getElementById('live').textContent);
    new MutationObserver(note).observe(row, { attributeFilter: ['data-state'] });
  }`);
}

const tile = (page: Page, name: string) => page.locator(`.tile[data-key="${name}"] .value`);
const confirm = (page: Page) => page.locator('dialog button.primary').click();

test.skipIf(browserPath === undefined)(`the dashboard in a browser${browserPath === undefined ? `: ${NO_CHROMIUM}` : ''}`, { timeout: 180_000 }, async ({ annotate }) => {
  const deployment = await deploy();
  const { client, worker, gateway, url } = deployment;
  const { page, errors } = await open(url);

  // Figures appear.
  let goesOn = true;
  const load = (async () => {
    while (goesOn) await traffic(deployment, 5);
  })();
  await expect.poll(() => tile(page, 'Answers').textContent(), { timeout: PATIENCE_MS }).toMatch(/^[1-9<]/);
  await expect.poll(() => tile(page, 'Latency, median').textContent(), { timeout: PATIENCE_MS }).toMatch(/^\d.*s$/);
  await expect.poll(() => tile(page, 'Live HR@10').textContent(), { timeout: PATIENCE_MS }).toMatch(/^[01]\.\d{3}$/);
  await page.waitForSelector('#variants tr[data-key="recommend-small.fp32"]');
  await page.waitForSelector('#workers tr[data-key="worker-1"][data-state="working"]');
  await expect.poll(() => page.locator('#chart-latency canvas').count(), { timeout: PATIENCE_MS }).toBe(1);

  // One request is explained.
  await page.locator('#recent button').first().click();
  await page.waitForSelector('dialog[open] .waterfall');
  await expect.poll(() => page.locator('dialog').textContent(), { timeout: PATIENCE_MS }).toContain('recommend-large.int8');
  await page.keyboard.press('Escape');

  // An experiment is steered.
  await startExperiment(EXPERIMENT, { prefix: client.prefix, models: loadSettings({ flags: {} }).models, workloads: client.ports.workloads, others: [], producer: client.ports.producer, actor: 'test', now: Date.now() });
  const arm = page.locator('#experiments tr[data-key="large"]');
  await expect.poll(() => arm.textContent(), { timeout: PATIENCE_MS }).toMatch(/largerecommend-large\.int850 %[1-9]/);
  await page.getByRole('button', { name: 'Weights split' }).click();
  await page.locator('#weight-large').fill('3');
  await confirm(page);
  await expect.poll(() => arm.textContent(), { timeout: PATIENCE_MS }).toContain('75 %');
  await page.getByRole('button', { name: 'Promote split' }).click();
  await confirm(page);
  await expect.poll(() => page.locator('#experiments .state').textContent(), { timeout: PATIENCE_MS }).toBe('promoted: large');
  // The scheduler hears of it by itself, not through the gateway; of so many, some would be in the other arm.
  const armsNow = async () => new Set((await client.ask(Array.from({ length: 40 }, () => draft()))).map(({ steps: [step] }) => `${step?.model} by ${step?.experiment?.name} ${step?.experiment?.arm}`));
  await expect.poll(armsNow, { timeout: PATIENCE_MS }).toEqual(new Set(['recommend-large by split large']));
  await page.getByRole('button', { name: 'Roll back split' }).click();
  await confirm(page);
  await expect.poll(() => page.locator('#experiments .state').textContent(), { timeout: PATIENCE_MS }).toBe('rolled back');
  await expect.poll(() => page.locator('#audit').textContent(), { timeout: PATIENCE_MS }).toMatch(/local: experiment\.rollback split.*local: experiment\.promote split.*local: experiment\.weights split/);
  goesOn = false;
  await load;

  // An operator holds a lane back, and lets it go.
  await page.getByRole('button', { name: 'Pause the bulk lane' }).click();
  await confirm(page);
  await page.waitForSelector('#lanes tr[data-key="bulk"] .pill[data-tone="warn"]');
  // The stage that reads the lane hears of it by itself, too: what it still lets through says nothing.
  let requestId = await sendBulk(client);
  await expect.poll(async () => {
    if (client.responses.has(requestId)) requestId = await sendBulk(client);
    return page.locator('#lanes tr[data-key="bulk"]').textContent();
  }, { timeout: PATIENCE_MS }).toContain('1 waiting');
  await client.ask([draft()]);
  expect(client.responses.has(requestId)).toBe(false);
  await page.getByRole('button', { name: 'Resume the bulk lane' }).click();
  await confirm(page);
  await until(() => client.responses.has(requestId), { timeoutMs: PATIENCE_MS, what: 'the answer of the bulk request' });
  await expect.poll(() => page.locator('#audit').textContent(), { timeout: PATIENCE_MS }).toMatch(/local: lane\.resume bulk.*local: lane\.pause bulk/);

  // A dead letter can be looked at; one that would end the same way cannot be put back.
  await client.write('requests', ['<script>garbage</script>']);
  await expect.poll(() => page.locator('#letters').textContent(), { timeout: PATIENCE_MS }).toContain('invalid json');
  await page.locator('#open-letters').click();
  await page.locator('dialog').getByRole('button', { name: 'Look' }).click();
  await page.waitForSelector('dialog pre');
  await expect.poll(() => page.locator('dialog pre').textContent(), { timeout: PATIENCE_MS }).toBe('<script>garbage</script>');
  await expect.poll(() => page.locator('dialog input[type="checkbox"]').isDisabled(), { timeout: PATIENCE_MS }).toBe(true);
  await page.keyboard.press('Escape');

  // A worker that is killed is seen to be silent: with the first snapshot that comes after the gateway misses its heartbeats.
  await noteSilence(page);
  let killedAt = 0;
  const told = snapshotsUntilSilence(url, () => {
    killedAt = performance.now();
    process.kill(worker.pid, 'SIGKILL');
  });
  await page.waitForSelector('#workers tr[data-key="worker-1"][data-state="silent"]');
  await annotate(`the killed worker showed after ${Math.round(performance.now() - killedAt)} ms`);
  const { lastHeard, firstSilent } = await told;
  expect(lastHeard.silentMs).toBeLessThanOrEqual(SILENT_MS);
  expect(firstSilent.silentMs).toBeGreaterThan(SILENT_MS);
  expect(await page.evaluate('window.silentIn')).toContain(`Live, ${await page.evaluate<string>(`import('/dashboard/format.js').then(({ clock }) => clock(${firstSilent.time}))`)}`);
  expect(errors).toEqual([]);

  // A gateway that is gone, too.
  await gateway.stop();
  await page.waitForSelector('body[data-state="lost"]');
  await expect.poll(() => page.locator('#banner').textContent(), { timeout: PATIENCE_MS }).toMatch(/trying again every second/);
});
