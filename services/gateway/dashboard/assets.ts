import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface Asset {
  type: string;
  body: Buffer;
  gzipped: Buffer;
  etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml',
};
const PAGE = join(import.meta.dirname, 'page');
/** By the name that the page asks for. All that the page needs: it works without any other host. */
const OWN = [
  'index.html', 'style.css', 'icon.svg', 'app.js', 'api.js', 'charts.js', 'dialogs.js', 'dom.js', 'experiments.js', 'explain.js', 'flow.js', 'format.js', 'letters.js', 'panels.js', 'releases.js', 'tables.js',
] as const;
const UPLOT = { 'uplot.js': 'uPlot.iife.min.js', 'uplot.css': 'uPlot.min.css' } as const;

async function load(path: string): Promise<Asset> {
  const body = await readFile(path);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', body, gzipped: gzipSync(body, { level: 9 }), etag };
}

/** The page's files, held in memory. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
  const paths: [string, string][] = [
    ...OWN.map((name): [string, string] => [name, join(PAGE, name)]),
    ...Object.entries(UPLOT).map(([name, file]): [string, string] => [name, join(uplot, file)]),
  ];
  return new Map(await Promise.all(paths.map(async ([name, path]): Promise<[string, Asset]> => [name, await load(path)])));
}
