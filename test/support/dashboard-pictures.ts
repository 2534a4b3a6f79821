import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { NO_CHROMIUM, chromiumPath, launchBrowser } from './browser.ts';

const FOLDER = join(import.meta.dirname, '../../docs/images');
const SETTLE_MS = 6_000;
const WIDTH = 1440;
/** Below the last panel, before the next one. */
const MARGIN = 14;

/** Takes the documentation's pictures of a dashboard that runs: `npm run dashboard:pictures -- http://127.0.0.1:8080/`. */
async function takePictures(url: string): Promise<void> {
  const path = chromiumPath();
  if (path === undefined) throw new Error(NO_CHROMIUM);
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launchBrowser(path);
  try {
    const pages = await Promise.all((['light', 'dark'] as const).map((colorScheme) => openPage(browser, url, colorScheme)));
    await delay(SETTLE_MS);
    for (const { page, colorScheme } of pages) await page.screenshot({ path: join(FOLDER, `dashboard-${colorScheme}.png`), clip: await upToVariants(page) });
  } finally {
    await browser.close();
  }
}

async function openPage(browser: Browser, url: string, colorScheme: 'light' | 'dark') {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 1200 }, colorScheme });
  await page.goto(url);
  await page.waitForSelector('body[data-state="live"]');
  return { page, colorScheme };
}

/** Without single requests: titles of the catalogue are not ours to publish. */
async function upToVariants(page: Page) {
  const variants = await page.locator('section', { has: page.locator('#variants') }).boundingBox();
  return { x: 0, y: 0, width: WIDTH, height: Math.ceil((variants?.y ?? 0) + (variants?.height ?? 0)) + MARGIN };
}

await takePictures(process.argv[2] ?? 'http://127.0.0.1:8080/');
