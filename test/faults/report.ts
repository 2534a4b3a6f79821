import { cpus, loadavg } from 'node:os';
import { median, quantile } from '@tandem/shared/statistics';
import type { CheckReport, Evidence, Violation } from './check-types.ts';
import { unexplainedDoubles } from './doubles.ts';
import type { Crash } from './fleet.ts';
import type { InjectedFault } from './injector.ts';
import { recoveries, type FaultTimes, type FlowTimes, type Recovery } from './recovery.ts';
import type { FaultRunOptions } from './run-options.ts';

const EXAMPLES_PER_KIND = 5;

export interface KindRecovery {
  count: number;
  /** The longest that the fault itself lasted, until what it broke was up again. */
  worstOutageMs: number;
  medianMs: number;
  worstMs: number;
  /** After the fault's end. */
  worstFromEndMs: number;
  /** Without a single answer, and without one on some partition. */
  longestSilenceMs: number;
  longestGapMs: number;
}

/** What a run found; also the JSON of `--json`. */
export interface FaultReport {
  mode: string;
  requests: number;
  /** By kind. */
  faults: Record<string, number>;
  lost: number;
  doubled: number;
  /** Of those, what no fusion process that died or was cut off explains: more than even at-least-once allows. */
  doubledUnexplained: number;
  outOfOrder: number;
  late: number;
  wrong: number;
  /** The longest time from a fault's begin until answers flowed at 90 % of the rate before. */
  worstRecoveryMs: number;
  /** The same from its end: the process continued, the broker is up again. */
  worstRecoveryFromEndMs: number;
  /** The worst of those that no other fault overlapped, from the begin. */
  worstRecoveryAloneMs: number;
  seed: number;
  brokers: number;
  durationSeconds: number;
  ratePerSecond: number;
  answered: number;
  /** Requests that got provisional answers. */
  provisional: number;
  lateBoundMs: number;
  afterDeadline: number;
  worstLatenessMs: number;
  latencyMs: { p50: number; p99: number; max: number };
  causes: CheckReport['causes'];
  answers: Record<string, number>;
  deadLetters: Record<string, number>;
  /** By kind and target. */
  recovery: Record<string, KindRecovery>;
  /** Processes that ended though nobody had ended them. */
  crashes: readonly Crash[];
  /** Faults that could not be injected. */
  failures: readonly string[];
  /** Requests that the broker refused. */
  refused: number;
  examples: readonly Violation[];
  /** Each fault as it happened. */
  timeline: readonly (Omit<InjectedFault, 'choice' | 'atMs'> & Partial<Recovery>)[];
  logs: string;
  old: string | undefined;
  /** Load average over 15 minutes at the end: above the number of cores, times say more of the machine than of Tandem. */
  machine: { cpu: string; cores: number; node: string; loadAverage: number };
}

export interface ReportParts {
  options: FaultRunOptions;
  result: CheckReport;
  evidence: Evidence;
  faults: readonly InjectedFault[];
  failures: readonly string[];
  times: { startedAt: number; endedAt: number };
  ratePerSecond: number;
  crashes: readonly Crash[];
  refused: number;
  logFolder: string;
}

export function makeReport(parts: ReportParts): FaultReport {
  const { options, result, evidence, faults, times, ratePerSecond } = parts;
  const flow = interactiveFlow(parts);
  const inOrder = faults.toSorted((a, b) => a.startedAt - b.startedAt);
  const measured = recoveries(inOrder, flow);
  const timeline = inOrder.map(({ choice: _, atMs: __, ...fault }, index) => ({ ...fault, ...measured[index] }));
  return {
    mode: options.mode, requests: result.requests, faults: countKinds(faults),
    ...result.counts,
    doubledUnexplained: unexplainedDoubles(result.violations, faults, options.chain).length,
    worstRecoveryMs: worst(measured.map((recovery) => recovery?.fromStartMs)),
    worstRecoveryFromEndMs: worst(measured.map((recovery) => recovery?.fromEndMs)),
    worstRecoveryAloneMs: worst(measured.map((recovery) => (recovery?.overlapped === false ? recovery.fromStartMs : 0))),
    seed: options.seed, brokers: options.brokers, durationSeconds: Math.round((times.endedAt - times.startedAt) / 1_000), ratePerSecond: Math.round(ratePerSecond * 10) / 10,
    answered: result.answered, provisional: result.provisional, lateBoundMs: options.lateBoundMs, afterDeadline: result.afterDeadline, worstLatenessMs: result.worstLatenessMs,
    latencyMs: latencies(evidence), causes: result.causes, answers: result.answers, deadLetters: result.deadLetters,
    recovery: Object.fromEntries([...Map.groupBy(timeline, ({ kind, target }) => `${kind}:${target}`)].toSorted(([a], [b]) => a.localeCompare(b)).map(([name, all]) => [name, summary(all)])),
    crashes: parts.crashes, failures: parts.failures, refused: parts.refused, examples: examplesOf(result.violations), timeline, logs: parts.logFolder, old: options.old,
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, loadAverage: Math.round((loadavg()[2] ?? 0) * 10) / 10 },
  };
}

/** Bulk work takes what is left: how fast it is answered says nothing of a fault. */
function interactiveFlow({ evidence: { sent, responses }, times, ratePerSecond }: ReportParts): FlowTimes {
  const interactive = new Set(sent.filter(({ lane }) => lane === 'interactive').map(({ requestId }) => requestId));
  const answers = responses.filter(({ requestId, final }) => final && interactive.has(requestId)).map(({ appendedAt: at, partition }) => ({ at, partition }));
  const offeredRate = (ratePerSecond * interactive.size) / Math.max(1, sent.length);
  return { answers, loadStartedAt: times.startedAt, loadEndedAt: times.endedAt, offeredRate };
}

/** Nothing lost, nothing wrong, nothing doubled, but at least once where a fusion process died; every fault was really injected. */
export function passed({ mode, lost, doubled, doubledUnexplained, outOfOrder, wrong, failures }: FaultReport): boolean {
  return lost === 0 && wrong === 0 && outOfOrder === 0 && failures.length === 0 && (mode === 'at-least-once' ? doubledUnexplained : doubled) === 0;
}

function countKinds(faults: readonly InjectedFault[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(faults, ({ kind }) => kind)].map(([kind, all]) => [kind, all.length]));
}

/** 0 where nothing was measured. */
function worst(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}

function summary(all: readonly (Partial<Recovery> & FaultTimes)[]): KindRecovery {
  return {
    count: all.length, worstOutageMs: worst(all.map(({ startedAt, endedAt }) => endedAt - startedAt)),
    medianMs: median(all.flatMap(({ fromStartMs }) => fromStartMs ?? []), 0), worstMs: worst(all.map(({ fromStartMs }) => fromStartMs)),
    worstFromEndMs: worst(all.map(({ fromEndMs }) => fromEndMs)), longestSilenceMs: worst(all.map(({ longestSilenceMs }) => longestSilenceMs)),
    longestGapMs: worst(all.map(({ longestGapMs }) => longestGapMs)),
  };
}

/** From the append of a request to the append of its first answer. */
function latencies({ appended, responses }: Evidence): FaultReport['latencyMs'] {
  const appendedAt = new Map(appended.toReversed().map(({ requestId, appendedAt: at }) => [requestId, at]));
  const all = responses.filter(({ final }) => final).map(({ requestId, appendedAt: at }) => at - (appendedAt.get(requestId) ?? at));
  return { p50: quantile(all, 0.5, 0), p99: quantile(all, 0.99, 0), max: quantile(all, 1, 0) };
}

function examplesOf(violations: readonly Violation[]): Violation[] {
  return [...Map.groupBy(violations, ({ kind, cause }) => `${kind} ${cause}`).values()].flatMap((all) => all.slice(0, EXAMPLES_PER_KIND));
}

const seconds = (ms: number) => (ms / 1_000).toFixed(1).padStart(7);

/** For people. */
export function renderReport(report: FaultReport): string {
  const { mode, requests, durationSeconds, ratePerSecond, brokers, seed, latencyMs, worstRecoveryMs } = report;
  const total = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
  const rows = Object.entries(report.recovery).map(([name, { count, worstOutageMs, medianMs, worstMs, worstFromEndMs, longestSilenceMs, longestGapMs }]) =>
    `  ${name.padEnd(22)} ${String(count).padStart(3)} ${seconds(worstOutageMs)} ${seconds(medianMs)} ${seconds(worstMs)} ${seconds(worstFromEndMs)} ${seconds(longestSilenceMs)} ${seconds(longestGapMs)}`);
  return [
    `${mode}, ${brokers} broker${brokers === 1 ? '' : 's'}, seed ${seed}: ${requests} requests at ${ratePerSecond}/s in ${durationSeconds} s, ${total} faults (${report.machine.cores} cores, load average ${report.machine.loadAverage})`,
    `  lost ${report.lost}   doubled ${report.doubled}${report.doubledUnexplained === 0 ? '' : ` (${report.doubledUnexplained} where no fusion process had died)`}   out of order ${report.outOfOrder}   late ${report.late} (by more than ${report.lateBoundMs} ms)   wrong ${report.wrong}`,
    `  after their deadline ${report.afterDeadline}, by ${report.worstLatenessMs} ms at most; latency p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms, max ${latencyMs.max} ms`,
    `  answers      ${listed(report.answers)}`,
    `  dead letters ${listed(report.deadLetters)}`,
    `  worst recovery ${(worstRecoveryMs / 1_000).toFixed(1)} s from a fault’s begin, ${(report.worstRecoveryFromEndMs / 1_000).toFixed(1)} s from its end, ${(report.worstRecoveryAloneMs / 1_000).toFixed(1)} s where no other fault overlapped; seconds until answers flow again at 90 % of the rate before:`,
    `  ${'fault'.padEnd(22)}   n    fault  median   worst from end silence     gap`,
    ...rows,
    ...report.crashes.map(({ instance, at, output }) => `  ${instance} ended by itself at ${new Date(at).toISOString()}: ${output.slice(-600)}`),
    ...report.failures.map((failure) => `  not injected: ${failure}`),
    ...report.examples.map(({ kind, requestId, cause, detail }) => `  ${kind}: ${requestId}: ${cause}: ${detail}`),
    ...(passed(report) ? [] : [`  logs of all processes: ${report.logs}`]),
  ].join('\n');
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(' · ') || 'none';
}
