import type { CapacityPlan } from '@tandem/simulator';
import { textTable } from '../table.ts';

const number = (value: number, digits = 0) => (Number.isFinite(value) ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) : '–');
const percent = (share: number) => (Number.isFinite(share) ? `${share >= 0 ? '+' : ''}${(share * 100).toFixed(0)} %` : '–');

function roles({ roles: all, currency }: CapacityPlan): string {
  const rows = all.map(({ role, machine, count, needed, costPerHour, headroomZoneLost, because }) => [role, `${number(count)} × ${machine}`, number(needed, 1), percent(headroomZoneLost), number(costPerHour, 2), because]);
  return textTable(['role', 'machines', 'without reserve', 'a zone lost', `${currency}/h`, 'bound by'], rows);
}

function workers({ workers: w }: CapacityPlan): string {
  return [
    `Workers answer ${w.task} requests with ${w.variants.join(' → ')} (${(w.accuracy * 100).toFixed(1)} % of the best accuracy), ${w.sessionsPerProcess} ${w.sessionsPerProcess === 1 ? 'session' : 'sessions'} a process.`,
    `One process carries ${number(w.capacityPerProcess)} requests/s: p99 ${number(w.capacity.p99Ms, 1)} ms, batches of ${number(w.capacity.meanBatchSize, 1)}, sessions ${number(w.capacity.utilisation * 100)} % busy.`,
    `${number(w.processes)} of them in all; with a zone lost ${number(w.processesZoneLost)} carry the rate, the busiest ${w.imbalance.toFixed(2)} times the mean.`,
  ].join('\n');
}

function keys({ keys: k }: CapacityPlan): string {
  const spread = k.split === 1 ? '' : `; each key is split into ${number(k.split)}, so that a sub-key brings ${number(k.hottestSubKeyPerSecond)}`;
  return `${number(k.count)} keys, Zipf's exponent ${k.exponent}: the most frequent brings ${number(k.hottestPerSecond)} requests/s${spread}.`;
}

function log({ log: l, redis }: CapacityPlan): string {
  const rows = l.topics.map(({ topic, recordsPerSecond, megabytesPerSecond }) => [topic, number(recordsPerSecond), number(megabytesPerSecond, 1)]);
  return [
    textTable(['topic', 'records/s', 'MB/s appended'], rows),
    `${number(l.partitions)} partitions per topic, ${number(l.replicas)} replicas. Each of ${number(l.brokers)} brokers: ${number(l.appendMBsPerBroker, 1)} MB/s appended, ${number(l.readMBsPerBroker, 1)} read, ${number(l.recordsPerSecondPerBroker)} records/s, ${number(l.replicasPerBroker)} replicas.`,
    `Redis: ${number(redis.opsPerSecond)} commands/s on ${number(redis.processes)} processes, and as many replicas.`,
  ].join('\n');
}

function alternatives({ alternatives: all, currency }: CapacityPlan): string {
  return textTable(['variants', 'accuracy', 'on', 'requests/s a process', `${currency}/h in all`], all.map((one) => [one.variants.join(' → '), `${(one.accuracy * 100).toFixed(1)} %`, one.machine, number(one.perSecondPerProcess), number(one.costPerHour, 2)]));
}

function sensitivity({ sensitivity: rows, currency }: CapacityPlan): string {
  return textTable(['if', 'worker processes', 'machines', `${currency}/h`, 'cost'], rows.map(({ change, workers: processes, machines, costPerHour, costChange, note }) => [change, number(processes), number(machines), number(costPerHour, 2), note ?? percent(costChange)]));
}

/** A plan for people. */
export function planText(plan: CapacityPlan): string {
  const { rate, sloMs, inTime, accuracyFloor, zones, costPerHour, costPerMillion, currency, warnings, assumptions } = plan;
  return [
    `${number(rate)} requests/s, ${inTime * 100} % within ${sloMs} ms, at least ${accuracyFloor * 100} % of the best accuracy, ${zones} ${zones === 1 ? 'zone' : 'zones, one of which may be lost'}`,
    roles(plan),
    `${number(costPerHour, 2)} ${currency}/h; ${number(costPerMillion, 3)} ${currency} per million requests`,
    workers(plan),
    keys(plan),
    log(plan),
    `Looked at:\n${alternatives(plan)}`,
    `What it would be otherwise:\n${sensitivity(plan)}`,
    ...(warnings.length === 0 ? [] : [`Mind:\n${warnings.map((warning) => `- ${warning}`).join('\n')}`]),
    `It rests on:\n${assumptions.map((assumption) => `- ${assumption}`).join('\n')}`,
  ].join('\n\n');
}
