import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_CHROMIUM, chromiumPath, launchBrowser } from './browser.ts';

const FOLDER = join(import.meta.dirname, '../../docs/images');
const SETTLE_MS = 6_000;

/** Takes the documentation's pictures of a dashboard that runs: `npm run dashboard:pictures -- http://127.0.0.1:8080/`. */
async function takePictures(url: string): Promise<void> {
  const path = chromiumPath();
  if (path === undefined) throw new Error(NO_CHROMIUM);
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launchBrowser(path);
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 1010 }, colorScheme });
      await page.goto(url);
      await page.waitForSelector('body[data-state="live"]');
      await delay(SETTLE_MS);
      // Without single requests: titles of the catalogue are not ours to publish.
      await page.screenshot({ path: join(FOLDER, `dashboard-${colorScheme}.png`) });
      await page.close();
    }
  } finally {
    await browser.close();
  }
}

await takePictures(process.argv[2] ?? 'http://127.0.0.1:8080/');
