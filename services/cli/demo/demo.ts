import type { Workload } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import type { EventLog } from '@tandem/shared/log';
import { modelRoles } from './answer-kind.ts';
import { readTitles, type Titles } from './catalogue.ts';
import { colorsFor, type Colors } from './colors.ts';
import { fetchDataset } from './fetch-dataset.ts';
import { count } from './format.ts';
import { readInteractions } from './interactions.ts';
import { createLiveView, type LiveView, type OutputStream } from './live-view.ts';
import { chooseShowcases, recommendationsText } from './recommendations.ts';
import { createReplayPlan, isHeldOut, type ReplayPlan } from './replay-plan.ts';
import { runReplay, type ReplayOutcome } from './replay.ts';
import { summaryTable } from './summary-table.ts';
import { succeeded, summarise, type Summary } from './summary.ts';

export interface DemoOptions {
  /** How many events are replayed. */
  events: number;
  /** Requests per second by schedule, or as fast as answers come. */
  rate: number | 'max';
  seed: number;
  deadlineMs?: number | undefined;
  /** In every user and request id. @default random */
  run?: string | undefined;
  /** The summary as one JSON object on standard output, and nothing else there. */
  json: boolean;
}

/** Where the demo writes; injected for tests. */
export interface DemoTerminal {
  stdout: OutputStream;
  stderr: OutputStream;
  environment: Record<string, string | undefined>;
}

/** What the demo needs before any stage runs: getting it may fail, and then nothing has been started in vain. */
export interface PreparedDemo {
  plan: ReplayPlan;
  titles: Titles;
}

/** The running stages, as the demo sees them. */
export interface Flow {
  log: EventLog;
  prefix: string;
  workloads: readonly Workload[];
}

const WORKLOAD = 'recommend';

/**
 * Fetches the data, verified, and plans the replay.
 * @throws {TandemError} the codes of `fetchDataset`, `data_damaged`, `usage`
 */
export async function prepareDemo({ events, seed }: DemoOptions, { stderr }: DemoTerminal, signal?: AbortSignal): Promise<PreparedDemo> {
  const paths = await fetchDataset({ onNotice: (text) => stderr.write(text), signal });
  const [titles, data] = await Promise.all([readTitles(paths.catalogue), readInteractions(paths.interactions, isHeldOut)]);
  return { plan: createReplayPlan(data, { events, seed }), titles };
}

function titleOf({ plan }: PreparedDemo, { rate }: DemoOptions, { log }: Flow): string {
  const pace = rate === 'max' ? 'as fast as answers come' : `at ${count(rate)} requests/s`;
  const over = log.durable ? log.description : `the ${log.description} log`;
  return `Replaying ${count(plan.events.length)} events of ${count(plan.users.length)} users over ${over}, ${pace}`;
}

/** @throws {TandemError} `unknown_workload` */
export function recommendWorkload({ workloads }: Pick<Flow, 'workloads'>): Workload {
  const workload = workloads.find(({ name }) => name === WORKLOAD);
  if (workload === undefined) {
    throw new TandemError(`the demo needs the workload "${WORKLOAD}"; its file is missing from the workloads' folder. With workloads of your own: --events 0 --serve`, { code: 'unknown_workload' });
  }
  return workload;
}

/** On a terminal only, and on standard output only where the figures do not go elsewhere. */
function openView(title: string, { json }: DemoOptions, terminal: DemoTerminal): LiveView | undefined {
  const stream = json || terminal.stdout.isTTY !== true ? terminal.stderr : terminal.stdout;
  if (stream.isTTY !== true) return undefined;
  return createLiveView(stream, title, colorsFor(stream, terminal.environment));
}

function report(summary: Summary, { kept }: ReplayOutcome, { plan, titles }: PreparedDemo, roles: ReturnType<typeof modelRoles>, colors: Colors): string {
  const cases = kept.size === 0 ? [] : [recommendationsText(kept, { plan, titles, roles, colors })];
  return `\n${[...cases, summaryTable(summary, colors)].join('\n\n')}\n`;
}

/**
 * Replays, shows progress, prints the summary.
 * @returns the exit code: 0 where every request was answered
 * @throws {TandemError} what `runReplay` throws
 */
export async function runDemo(prepared: PreparedDemo, options: DemoOptions, flow: Flow, terminal: DemoTerminal, signal?: AbortSignal): Promise<number> {
  const { log, prefix } = flow;
  const { rate, deadlineMs, run, json, seed } = options;
  const { plan } = prepared;
  const workload = recommendWorkload(flow);
  const view = openView(titleOf(prepared, options, flow), options, terminal);
  const onProgress = view && view.show.bind(view);
  const outcome = await runReplay({ log, prefix, workload, plan, rate, deadlineMs, run, keep: chooseShowcases(plan), signal, onProgress })
    .finally(() => view?.close());
  const summary = summarise(outcome, { seed, rate });
  if (summary.aborted && summary.events === 0 && !json) {
    terminal.stderr.write('Stopped before the first request.\n');
    return 1;
  }
  const colors = colorsFor(terminal.stdout, terminal.environment);
  terminal.stdout.write(json ? `${JSON.stringify(summary)}\n` : report(summary, outcome, prepared, modelRoles(workload), colors));
  return succeeded(summary) ? 0 : 1;
}
