import { STAGE_NAMES, type StageName } from '@tandem/schemas';
import { between, seededRandom, shuffled } from '@tandem/shared/random';

export type StageTarget = StageName;

/** Faults of processes, each on one stage. */
const PROCESS_KINDS = {
  kill: 'kill -9 of one instance; its supervisor starts it again',
  term: 'SIGTERM to one instance: it drains, ends and is started again',
  pause: 'SIGSTOP of one instance for 10 s or more, then SIGCONT: its session runs out meanwhile',
  freeze: 'SIGSTOP of all instances for some seconds while load goes on, so that inboxes fill',
  add: 'one more instance for some seconds, then SIGTERM to it',
} as const;

/** Faults of the network between stages and Kafka, each on one stage or on all. */
const NETWORK_KINDS = {
  cut: 'connections to Kafka are reset and refused for some seconds',
  stall: 'connections to Kafka stay open and silent for some seconds',
  delay: 'each way to and from Kafka takes longer for some seconds',
  throttle: 'each connection to Kafka is slow for some seconds',
} as const;

const SERVER_KINDS = {
  'broker-kill': 'kill -9 of any broker; started again after some seconds',
  'leader-kill': 'kill -9 of the broker that leads a partition of the responses; started again',
  'leader-pause': 'SIGSTOP of that broker for 10 s or more, then SIGCONT: of three, another leads meanwhile, which it does not know',
  'redis-kill': 'kill -9 of Redis (it keeps nothing on disk); started again after some seconds',
  'redis-flush': 'FLUSHALL',
  'redis-cut': 'connections to Redis are reset and refused for some seconds',
  'redis-stall': 'connections to Redis stay open and silent for some seconds',
} as const;

/** Only where they are asked for. */
const OPTIONAL_KINDS = {
  'disk-full': 'no space on the disk of any broker, so that it ends; started again with space after some seconds (needs the right to mount)',
} as const;

export const FAULT_KINDS = { ...PROCESS_KINDS, ...NETWORK_KINDS, ...SERVER_KINDS, ...OPTIONAL_KINDS };
export type FaultKind = keyof typeof FAULT_KINDS;

/** How long each lasts, ms: from, to. */
const DURATIONS: Record<FaultKind, readonly [number, number]> = {
  kill: [0, 0], term: [0, 0], pause: [10_000, 13_000], freeze: [4_000, 8_000], add: [8_000, 12_000],
  cut: [1_000, 6_000], stall: [3_000, 12_000], delay: [4_000, 8_000], throttle: [4_000, 8_000],
  'broker-kill': [1_000, 6_000], 'leader-kill': [1_000, 6_000], 'leader-pause': [10_000, 13_000], 'disk-full': [1_000, 6_000],
  'redis-kill': [1_000, 8_000], 'redis-flush': [0, 0], 'redis-cut': [1_000, 6_000], 'redis-stall': [2_000, 8_000],
};

export type FaultTarget = StageTarget | 'all' | 'server';

export interface PlannedFault {
  kind: FaultKind;
  target: FaultTarget;
  /** From the start of the load, ms. */
  atMs: number;
  durationMs: number;
  /** In [0, 1): which instance, broker or partition. */
  choice: number;
}

export interface ScheduleOptions {
  seed: number;
  count: number;
  /** `kind` or `kind:target`. @default all */
  kinds?: readonly string[];
  /** Mean time between faults, ms; some are three times as far apart as others. The last is after `count` times this. */
  spacingMs: number;
}

const targetsOf = (kind: FaultKind): readonly FaultTarget[] =>
  kind in PROCESS_KINDS ? STAGE_NAMES : kind in NETWORK_KINDS ? [...STAGE_NAMES, 'all'] : ['server'];

interface Fault {
  kind: FaultKind;
  target: FaultTarget;
}

function faultsOf(kinds: object): Fault[] {
  return (Object.keys(kinds) as FaultKind[]).flatMap((kind) => targetsOf(kind).map((target) => ({ kind, target })));
}

/** Every kind on every target it has, but those that must be asked for. */
export function allFaults(): Fault[] {
  return faultsOf({ ...PROCESS_KINDS, ...NETWORK_KINDS, ...SERVER_KINDS });
}

/** Whether a fault of that kind can come up. */
export function includesKind(kinds: readonly string[], kind: FaultKind): boolean {
  return chosen(kinds).some((fault) => fault.kind === kind);
}

/**
 * When which fault happens to what: the same for the same options. Every kind on every target comes up once, in random
 * order, before any comes up again.
 * @throws {RangeError} for a kind that does not exist
 */
export function scheduleFaults({ seed, count, kinds, spacingMs }: ScheduleOptions): PlannedFault[] {
  const wanted = chosen(kinds);
  const [order, times, details] = [seededRandom(seed, 'order'), seededRandom(seed, 'times'), seededRandom(seed, 'details')];
  const queue: Fault[] = [];
  const gaps = Array.from({ length: count }, () => between(times, 0.5, 1.5));
  const scale = (count * spacingMs) / gaps.reduce((sum, gap) => sum + gap, 0);
  let atMs = 0;
  return gaps.map((gap) => {
    if (queue.length === 0) queue.push(...shuffled(order, wanted));
    const fault = queue.pop()!;
    atMs += gap * scale;
    return { ...fault, atMs: Math.round(atMs), durationMs: Math.round(between(details, ...DURATIONS[fault.kind])), choice: details() };
  });
}

function chosen(kinds: readonly string[] | undefined): Fault[] {
  if (kinds === undefined || kinds.length === 0) return allFaults();
  const all = faultsOf(FAULT_KINDS);
  for (const name of kinds) {
    if (!all.some(({ kind, target }) => name === kind || name === `${kind}:${target}`)) {
      throw new RangeError(`no fault ${name}; there are ${Object.keys(FAULT_KINDS).join(', ')}, and each with a target, such as kill:worker or cut:all`);
    }
  }
  return all.filter(({ kind, target }) => kinds.includes(kind) || kinds.includes(`${kind}:${target}`));
}
