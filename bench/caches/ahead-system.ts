import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HEADER, STAGE_NAMES, topicName, type Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { System } from '../../services/cli/compose/system.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';

/** A request, or with an item what the user did. */
export interface Sending {
  atMs: number;
  userId: string;
  itemId?: string;
}

export interface Answered {
  latencyMs: number;
  /** All of its steps. */
  isCached: boolean;
  computeMs: number;
}

export interface AheadSystem extends AsyncDisposable {
  /** Sends them at their times, in an open loop; resolves when all requests are answered. */
  replay(sendings: readonly Sending[]): Promise<Answered[]>;
  counts(): Promise<Record<'computed' | 'known' | 'used', number>>;
}

export interface AheadSystemOptions {
  variant: string;
  users: number;
  perSecond: string;
  maxCpuUse: string;
  isAhead: boolean;
}

const PATIENCE_MS = 30_000;

function workloadsWith(over: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-ahead-'));
  const recommend = JSON.parse(readFileSync(join(import.meta.dirname, '../../workloads/recommend.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'recommend.json'), JSON.stringify({ ...recommend, deadlineMs: 5_000, ...over }));
  return folder;
}

/** All stages on a log of their own, with a result cache, and where that is wanted with likely requests computed ahead. */
export async function openAheadSystem({ variant, users, perSecond, maxCpuUse, isAhead }: AheadSystemOptions): Promise<AheadSystem> {
  const workloads = workloadsWith({ freshness: '1 hour', ...(isAhead ? { precompute: { users } } : {}) });
  const settings = loadSettings({
    flags: { prefix: `ahead-${randomUUID().slice(0, 8)}.`, httpPort: '0', logLevel: 'error', workloads, variants: variant, policy: 'fixed', precision: variant.split('.')[1], threads: '1', precomputePerSecond: perSecond, precomputeMaxCpuUse: maxCpuUse },
  });
  const ports = await openPorts(settings, 'bench');
  await ensureTopology(settings, ports);
  const system = await System.start(STAGE_NAMES, settings, ports);
  const answers = new Map<string, Answered>();
  await ports.log.tail({
    topic: topicName(settings.prefix, 'responses'),
    onRecord: ({ headers, value }) => void answers.set(headers[HEADER.requestId] ?? '', answered(JSON.parse(String(value)) as Response)),
  });
  return {
    replay: (sendings) => replay(sendings, ports, settings.prefix, answers),
    counts: () => countsOf(ports),
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await ports[Symbol.asyncDispose]();
    },
  };
}

function answered({ latencyMs, steps }: Response): Answered {
  return { latencyMs, isCached: steps.length > 0 && steps.every(({ cached }) => cached === true), computeMs: steps.reduce((sum, { computeMs, batchSize }) => sum + computeMs / Math.max(1, batchSize), 0) };
}

async function replay(sendings: readonly Sending[], { producer }: Ports, prefix: string, answers: ReadonlyMap<string, Answered>): Promise<Answered[]> {
  const startedAt = performance.now();
  const ids: string[] = [];
  for (const { atMs, userId, itemId } of sendings) {
    const waitMs = startedAt + atMs - performance.now();
    if (waitMs > 1) await delay(waitMs);
    if (itemId === undefined) ids.push(randomUUID());
    const value = itemId === undefined
      ? { requestId: ids.at(-1), workload: 'recommend', userId, input: { limit: 10 }, hints: { task: 'fine', activity: 0.5 } }
      : { userId, itemId, time: Date.now() };
    void producer.send([{ topic: topicName(prefix, itemId === undefined ? 'requests' : 'interactions'), key: userId, value: JSON.stringify(value) }]);
  }
  for (const until = performance.now() + PATIENCE_MS; ids.some((id) => !answers.has(id)); await delay(20)) {
    if (performance.now() > until) throw new Error(`${ids.filter((id) => !answers.has(id)).length} of ${ids.length} requests were not answered`);
  }
  return ids.map((id) => answers.get(id)!);
}

async function countsOf({ metrics }: Ports): Promise<Record<'computed' | 'known' | 'used', number>> {
  const { values } = await metrics.aheadResults.get();
  const of = (result: string) => values.filter(({ labels }) => labels['result'] === result).reduce((sum, { value }) => sum + value, 0);
  return { computed: of('computed'), known: of('known'), used: of('used') };
}
