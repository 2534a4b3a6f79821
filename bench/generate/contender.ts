import type { SlateRequest } from './requests.ts';

/** A way to decode slates. */
export interface Contender {
  readonly name: string;
  /** Resolves with the slate's items. */
  ask(request: SlateRequest): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** What a number of requests took. */
export interface Taken {
  requests: number;
  tokens: number;
  wallMs: number;
  /** Of the whole process: nearly all of it inference. */
  cpuMs: number;
  latenciesMs: number[];
}

/** All at once: how much can be done. */
export function saturate(contender: Contender, requests: readonly SlateRequest[]): Promise<Taken> {
  return take(requests, (request) => contender.ask(request));
}

/** Each at its time, whatever became of those before. @param atMs when each comes, from the start */
export function openLoop(contender: Contender, requests: readonly SlateRequest[], atMs: readonly number[]): Promise<Taken> {
  return take(requests, async (request, index) => {
    await new Promise((resolve) => setTimeout(resolve, atMs[index]));
    return contender.ask(request);
  }, atMs);
}

async function take(requests: readonly SlateRequest[], ask: (request: SlateRequest, index: number) => Promise<unknown>, atMs?: readonly number[]): Promise<Taken> {
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
  const latenciesMs = await Promise.all(requests.map(async (request, index) => {
    await ask(request, index);
    return performance.now() - startedAt - (atMs?.[index] ?? 0);
  }));
  const { user, system } = process.cpuUsage(cpu);
  const tokens = requests.reduce((sum, { count }) => sum + count, 0);
  return { requests: requests.length, tokens, wallMs: performance.now() - startedAt, cpuMs: (user + system) / 1_000, latenciesMs };
}
