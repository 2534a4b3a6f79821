import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './processes.ts';

const FETCHES = join(import.meta.dirname, '../../tools/fetch_data.py');
/** As many as the shipped models know. */
const ITEMS = 3_883;
const USERS = 60;
const EVENTS_OF_EACH = 30;
const BEGIN = 978_300_000;

const lines = (rows: readonly (readonly (string | number)[])[]) => rows.map((row) => `${row.join('\t')}\n`).join('');

/**
 * A cache as tools/fetch_data.py leaves it, of films and users that do not exist: for `TANDEM_CACHE`, where a demo is to run without the network.
 * @returns the folder, which goes with this process
 */
export function demoData(): string {
  const cache = temporaryFolder('demo-data-');
  const folder = join(cache, 'ml-1m');
  mkdirSync(folder);
  const films = Array.from({ length: ITEMS }, (_, index) => [index + 1, `Film ${index + 1}`, 1990, 'Drama']);
  // The demo replays those whose number is divisible by ten.
  const events = Array.from({ length: USERS * EVENTS_OF_EACH }, (_, index) => [10 * (1 + Math.floor(index / EVENTS_OF_EACH)), 1 + ((index * 977) % ITEMS), BEGIN + index]);
  const files = { 'catalogue.tsv': lines(films), 'interactions.tsv': lines(events) };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const sizes = Object.fromEntries(Object.keys(files).map((name) => [name, statSync(join(folder, name)).size]));
  const [, source] = /^INTERACTIONS_SHA256 = "(\w+)"/m.exec(readFileSync(FETCHES, 'utf8')) ?? [];
  writeFileSync(join(folder, 'ready.json'), JSON.stringify({ users: USERS, items: ITEMS, interactions_count: events.length, sizes, source }));
  return cache;
}
