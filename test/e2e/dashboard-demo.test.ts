import { expect, onTestFinished, test } from 'vitest';
import { NO_CHROMIUM, chromiumPath, launchBrowser } from '../support/browser.ts';
import { startCommand } from '../support/cluster.ts';
import { demoData } from '../support/demo-data.ts';
import { until } from '../support/until.ts';

const PATIENCE_MS = 60_000;
const browserPath = chromiumPath();

test.skipIf(browserPath === undefined)(`the demo's numbers appear at the address that it prints${browserPath === undefined ? `: ${NO_CHROMIUM}` : ''}`, { timeout: 180_000 }, async () => {
  const browser = await launchBrowser(browserPath ?? '');
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
  page.on('pageerror', (error) => errors.push(error.message));

  // As `npm start`, but slower, longer than it is looked at, and of people who do not exist.
  const demo = startCommand(['demo', '--events', '1500', '--rate', '20'], { TANDEM_CACHE: demoData() });
  onTestFinished(async () => void (await demo.stop()));
  const address = () => /^Dashboard: (\S+) \(while this runs; --serve keeps it up\)$/m.exec(demo.log())?.[1];
  await until(() => address() !== undefined, { timeoutMs: PATIENCE_MS, what: () => `the address; ${demo.log()}` });
  await page.goto(address() ?? '');

  const tile = (name: string) => expect.poll(() => page.locator(`.tile[data-key="${name}"]`).textContent(), { timeout: PATIENCE_MS });
  await tile('Answers').toMatch(/^Answers[1-9][\d.]*\/s/);
  await tile('Latency, median').toMatch(/median[\d.< ]+m?s/);
  await tile('Latency, p99').toMatch(/p99[\d.< ]+m?sp95/);
  await tile('Live HR@10').toMatch(/[01]\.\d{3}of \d+ answers? judged/);
  await page.waitForSelector('#variants tr[data-key^="recommend-small."]');
  await expect.poll(() => page.locator('#where').textContent(), { timeout: PATIENCE_MS }).toBe('embedded, not durable');
  expect(await page.evaluate("import('/dashboard/format.js').then(({ percent }) => [-0.0004, -0.02, 0, 0.0004].map(percent))")).toEqual(['0 %', '-2.0 %', '0 %', '< 0.1 %']);

  // With keys alone: a request is explained, and whoever closes that is still among the requests, although the row has moved on.
  // So long as one of them is chosen they stay where they are.
  const chosen = page.locator('#recent button').first();
  await chosen.focus();
  await page.locator('#recent caption').getByText('Held still').waitFor();
  const name = await chosen.textContent();
  const shownAt = await page.locator('#live').textContent();
  await expect.poll(() => page.locator('#live').textContent(), { timeout: PATIENCE_MS }).not.toBe(shownAt);
  await expect.poll(() => chosen.textContent()).toBe(name);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('dialog[open]').textContent(), { timeout: PATIENCE_MS }).toMatch(/Film \d+/);
  const [explained] = /demo-\S+-\d+/.exec(await page.locator('dialog[open] h2').textContent() ?? '') ?? [];
  await page.locator('#recent').getByText(explained ?? '', { exact: true }).waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await expect.poll(() => page.evaluate('document.activeElement.contains(document.getElementById("recent")) && document.activeElement !== document.body'), { timeout: PATIENCE_MS }).toBe(true);

  // On a telephone nothing is cut off beside the page or in the large figures.
  await page.setViewportSize({ width: 400, height: 900 });
  // The charts follow after the rest.
  await expect.poll(() => page.evaluate('[document.documentElement, ...document.querySelectorAll(".tile .note")].filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).length'), { timeout: PATIENCE_MS }).toBe(0);
  expect(errors).toEqual([]);

  // Ctrl-C: what was answered until then is summed up, and nothing else was written where nobody looks on.
  expect(await demo.stop()).toBe(1);
  expect(demo.printed()).toMatch(/^\n[\s\S]*Summary\n[\s\S]*recommend-small[\s\S]*Ended early: the figures cover what was answered until then\.\n$/);
  expect(demo.log().split('\n').filter((line) => !/^(Dashboard|MovieLens|already in| {2})/.test(line))).toEqual(['']);
  await page.waitForSelector('body[data-state="lost"]');
});
