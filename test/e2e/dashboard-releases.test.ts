import { onTestFinished, expect, test } from 'vitest';
import type { ReleaseLine } from '@tandem/gateway';
import { startGateway } from '../../services/cli/compose/gateway.ts';
import { NO_CHROMIUM, chromiumPath, launchBrowser } from '../support/browser.ts';
import { startGatewayAndStages } from '../support/gateway.ts';
import { pacedInstallation } from '../support/paced-installation.ts';
import { until } from '../support/until.ts';

const browserPath = chromiumPath();
const PATIENCE_MS = 60_000;

test.skipIf(browserPath === undefined)(`an operator promotes a version of a model, and rolls it back${browserPath === undefined ? NO_CHROMIUM : ''}`, { timeout: 120_000 }, async () => {
  const { models, workloads, variants, remove } = await pacedInstallation();
  onTestFinished(remove);
  await using running = await startGatewayAndStages({ models, workloads, variants, threads: '1' });
  await using gateway = await startGateway({ ...running.settings, gatewayPort: 0 }, running.ports);
  const call = (body?: object) => gateway.server.inject({ method: body === undefined ? 'GET' : 'POST', url: `/dashboard/${body === undefined ? 'releases' : 'actions'}`, headers: { host: 'localhost' }, ...(body === undefined ? {} : { payload: body }) });
  const fp32 = async () => (await call()).json<{ releases: ReleaseLine[] }>().releases.find(({ name }) => name === 'pace.fp32');
  const isServed = (version: string) => until(async () => (await fp32())?.serving[0]?.version === version, { timeoutMs: PATIENCE_MS, what: `version ${version} to be served` });
  await isServed('1');
  expect(await fp32()).toEqual({ name: 'pace.fp32', stable: '1', versions: [{ version: '1', status: 'stable' }, { version: '2', status: 'canary' }, { version: '0', status: 'retired' }], serving: [{ version: '1', workers: 1 }], refused: [] });
  for (const wanted of [{ action: 'model.promote', variant: 'pace.fp32', version: '9' }, { action: 'model.rollback', variant: 'nobody.fp32' }]) {
    expect([(await call(wanted)).statusCode, (await call(wanted)).json<{ code: string }>().code]).toEqual([400, 'invalid_request']);
  }

  const browser = await launchBrowser(browserPath ?? '');
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(gateway.url);
  const versions = page.getByRole('button', { name: 'Versions…' });
  await versions.click();
  await page.getByRole('button', { name: 'Promote version 2 of pace.fp32' }).click();
  await page.getByRole('button', { name: 'Promote', exact: true }).click();
  await isServed('2');
  await versions.click();
  await page.getByText('2 by 1 worker').waitFor({ timeout: PATIENCE_MS });
  await page.getByRole('button', { name: 'Roll pace.fp32 back to version 1' }).click();
  await page.getByRole('button', { name: 'Roll back', exact: true }).click();
  await isServed('1');
  await page.getByText('model.rollback pace.fp32').waitFor({ timeout: PATIENCE_MS });
  await expect.poll(() => page.locator('#audit').innerText(), { timeout: PATIENCE_MS }).toContain('model.promote pace.fp32 (version 2)');

  // A retired version, too; a variant of which there is nothing else is not there.
  await versions.click();
  await expect.poll(() => page.getByRole('rowheader', { name: 'pace.' }).allInnerTexts(), { timeout: PATIENCE_MS }).toEqual(['pace.bad', 'pace.fp32', 'pace.int8', 'pace.slow']);
  await page.getByRole('button', { name: 'Promote version 0 of pace.fp32' }).click();
  await page.getByText('The registry has retired it.').waitFor();
  await page.getByRole('button', { name: 'Promote', exact: true }).click();
  await isServed('0');
  expect(errors).toEqual([]);
});
