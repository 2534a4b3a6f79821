import { HEADER, topicName, type Response } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';
import { KILLER, POISON, answerOf } from './sim-engine.ts';
import { LONGEST_RESTART_MS, PARTITIONS, PREFIX, SimSystem, type Role, type SystemOptions } from './system.ts';
import { EPOCH, World } from './world.ts';

export interface Scenario extends SystemOptions {
  seed: number;
  requests: number;
  /** Deaths, sleeps and ends in order. */
  faults: number;
  /** False: processes sleep and end in order, but none dies. @default true */
  deaths?: boolean;
  /** Requests whose input ends the process that runs it, of all. @default 0 */
  killers?: number;
  /** How often the cache is away for a while, and comes back, in half of the cases empty. @default 0 */
  cacheOutages?: number;
  /** Share of faults in which a process that sleeps is replaced under its name. @default 0 */
  replacements?: number;
  /** @default each stage in processes of its own */
  processes?: readonly Role[];
}

interface Sent {
  requestId: string;
  workload: string;
  userId: string;
  number: number;
  full: boolean;
  /** Asks for provisional answers. */
  provisional: boolean;
  deadlineMs?: number;
  /** Taken back soon after. */
  cancelled: boolean;
  at: number;
}

export interface Verdict {
  requests: number;
  lost: string[];
  doubled: string[];
  /** An answer that is not the request's own. */
  wrong: string[];
  disordered: string[];
  /** A provisional answer after the final one. */
  behind: string[];
  /** Provisional answers, of all requests. */
  provisional: number;
  /** Of responses, by status and reason. */
  statuses: Record<string, number>;
  /** How many fusion processes died, or slept, or ended. */
  fusionFaults: number;
  /** How many of them died, or were replaced while they slept. */
  fusionDeaths: number;
  /** Processes that died of what they ran. */
  killed: number;
  virtualMs: number;
}

const APART: readonly Role[] = ['classifier', 'scheduler', 'scheduler', 'worker', 'worker', 'fusion', 'fusion', 'fusion'];
const SPREAD_MS = 8_000;
/** After the last fault everything that can be answered is answered within this. */
const SETTLE_MS = 120_000;
const LONGEST_DEADLINE_MS = 4_000;
/** Answers are made so long before it at most. */
const DEADLINE_MARGIN_MS = 100;
const LONGEST_OUTAGE_MS = 8_000;

/** One run of the whole flow: requests, deaths, sleeps and ends in order at random moments, then peace; and what came of it. */
export async function simulate(scenario: Scenario, trace: (line: string) => void = () => undefined): Promise<Verdict> {
  const world = new World(scenario.seed);
  const system = new SimSystem(world, scenario);
  await system.createTopics();
  for (const name of scenario.processes ?? APART) system.start(name);
  const say = (line: string) => trace(`${Math.round(world.elapsed).toString().padStart(6)} ms  ${line}`);
  for (const topic of ['requests', 'tasks', 'outcomes', 'responses', 'dead-letters'] as const) {
    await system.log.tail({ topic: topicName(PREFIX, topic), onRecord: ({ partition, offset, value }) => say(`${topic}/${partition}/${offset} ${value?.toString().slice(0, 160)}`) });
  }
  const sent = requestsOf(world, scenario);
  const producer = await system.log.producer();
  for (const request of sent) {
    world.later(request.at, () => void producer.send([recordOf(request)]));
    if (request.cancelled) world.later(request.at + world.between(0, 60), () => void producer.send([cancelOf(request)]));
  }
  const struck = plan(system, scenario, say);
  planOutages(system, scenario, say);
  const open = new Set(sent.map(({ requestId }) => requestId));
  const onRecord = ({ headers }: LogRecord) => {
    if (headers[HEADER.provisional] === undefined) open.delete(headers[HEADER.requestId] ?? '');
  };
  await system.log.tail({ topic: topicName(PREFIX, 'responses'), onRecord });
  await world.run(() => world.elapsed > SPREAD_MS + LONGEST_DEADLINE_MS && open.size === 0, SETTLE_MS);
  // What is doubled late is doubled too.
  await world.run(() => false, 15_000);
  return { ...judge(sent, await responsesOf(system), scenario), ...struck, virtualMs: world.elapsed };
}

function requestsOf(world: World, { requests, killers = 0 }: Scenario): Sent[] {
  return Array.from({ length: requests }, (_, index) => {
    const ordered = world.chance(0.3);
    const deadlineMs = ordered || world.chance(0.5) ? Math.round(world.between(50, LONGEST_DEADLINE_MS)) : undefined;
    return {
      requestId: `r${index}`,
      workload: ordered ? 'ordered' : 'plain',
      userId: `user-${Math.floor(world.between(0, 6))}`,
      number: killers > 0 && world.chance(killers) ? KILLER : world.chance(0.02) ? POISON : world.chance(0.03) ? -1 : index,
      full: world.chance(0.5),
      provisional: world.chance(0.5),
      ...(deadlineMs === undefined ? {} : { deadlineMs: ordered ? LONGEST_DEADLINE_MS : deadlineMs }),
      cancelled: world.chance(0.05),
      at: world.between(0, SPREAD_MS),
    };
  }).sort((a, b) => a.at - b.at);
}

const keyOf = ({ userId, workload }: Sent) => `${workload} ${userId}`;

function recordOf({ requestId, workload, userId, number, full, deadlineMs, provisional }: Sent) {
  const hints = { task: full ? 'full' : 'coarse', provisional, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return { topic: topicName(PREFIX, 'requests'), key: userId, value: JSON.stringify({ requestId, workload, userId, input: { values: [number] }, hints }) };
}

function cancelOf({ requestId, workload, userId }: Sent) {
  return { topic: topicName(PREFIX, 'requests'), key: userId, value: JSON.stringify({ cancel: true, requestId, workload, userId }) };
}

/** Returns how often who is hit, counted as it is. */
function plan(system: SimSystem, { faults, deaths = true, replacements = 0 }: Scenario, say: (line: string) => void): Pick<Verdict, 'fusionFaults' | 'fusionDeaths' | 'killed'> {
  const { world } = system;
  const struckFusion = { fusionFaults: 0, fusionDeaths: 0, killed: 0 };
  system.onKilled = (name) => {
    say(`${name} dies of what it runs`);
    struckFusion.killed += 1;
    if (name.includes('fusion')) struckFusion.fusionDeaths += 1;
  };
  const strike = () => {
    const index = Math.floor(world.between(0, system.processes.length));
    const struck = system.processes[index];
    // All are away at this moment.
    if (struck === undefined) return;
    const { name, process } = struck;
    const isFusion = name.includes('fusion');
    if (isFusion) struckFusion.fusionFaults += 1;
    if (world.chance(0.5)) {
      const sleepMs = world.between(10, 25_000);
      say(`${name} ${index} falls asleep for ${Math.round(sleepMs)} ms`);
      process.sleep(sleepMs);
      if (replacements > 0 && world.chance(replacements)) {
        if (isFusion) struckFusion.fusionDeaths += 1;
        const replacedAfterMs = world.between(0, Math.min(sleepMs, LONGEST_RESTART_MS));
        world.later(replacedAfterMs, () => {
          say(`${name} ${index} is replaced`);
          process.replaced(sleepMs - replacedAfterMs);
          system.start(name);
        });
      }
      return;
    }
    const inOrder = !deaths || world.chance(0.4);
    say(`${name} ${index} ${inOrder ? 'ends in order' : 'dies'}`);
    if (isFusion && !inOrder) struckFusion.fusionDeaths += 1;
    const gone = inOrder ? system.end(index) : system.kill(index);
    world.later(world.between(10, LONGEST_RESTART_MS), () => system.start(gone));
  };
  for (let index = 0; index < faults; index += 1) world.later(world.between(0, SPREAD_MS + LONGEST_DEADLINE_MS), strike);
  return struckFusion;
}

function planOutages(system: SimSystem, { cacheOutages = 0 }: Scenario, say: (line: string) => void): void {
  const { world } = system;
  for (let index = 0; index < cacheOutages; index += 1) {
    world.later(world.between(0, SPREAD_MS + LONGEST_DEADLINE_MS), () => {
      say('the cache goes');
      system.isCacheAway = true;
      world.later(world.between(500, LONGEST_OUTAGE_MS), () => {
        say('the cache is back');
        system.isCacheAway = false;
        if (world.chance(0.5)) system.flushCache();
      });
    });
  }
}

/** A response, and when it was written: it may have been made long before, and held back for the sake of order. */
interface Written extends Response {
  writtenAt: number;
  /** As its header says. */
  isMarked: boolean;
}

async function responsesOf({ log }: SimSystem): Promise<Written[]> {
  const all: Written[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for await (const batch of log.read({ topic: topicName(PREFIX, 'responses'), partition })) {
      all.push(...batch.map(({ value, timestamp, headers }) => ({ ...(JSON.parse(value!.toString()) as Response), writtenAt: timestamp, isMarked: headers[HEADER.provisional] !== undefined })));
    }
  }
  return all;
}

function judge(sent: readonly Sent[], all: readonly Written[], scenario: Scenario): Omit<Verdict, 'fusionFaults' | 'fusionDeaths' | 'killed' | 'virtualMs'> {
  const responses = all.filter(({ final }) => final);
  const byId = Map.groupBy(responses, ({ requestId }) => requestId);
  const everyById = Map.groupBy(all, ({ requestId }) => requestId);
  const statuses: Record<string, number> = {};
  for (const { status, reason } of responses) {
    const name = reason === undefined ? status : `${status} ${reason}`;
    statuses[name] = (statuses[name] ?? 0) + 1;
  }
  const ids = (condition: (request: Sent, answers: readonly Response[]) => boolean) =>
    sent.filter((request) => condition(request, byId.get(request.requestId) ?? [])).map(({ requestId }) => requestId);
  return {
    requests: sent.length,
    lost: ids((_, answers) => answers.length === 0),
    doubled: ids((_, answers) => answers.length > 1),
    wrong: ids((request) => (everyById.get(request.requestId) ?? []).some((answer) => !isOwn(request, answer, scenario))),
    disordered: disordered(sent, responses, scenario),
    behind: ids((request) => isBehind(everyById.get(request.requestId) ?? [])),
    provisional: all.length - responses.length,
    statuses,
  };
}

/** In the order of the log: all of a request are on one partition. */
function isBehind(answers: readonly Written[]): boolean {
  const firstFinal = answers.findIndex(({ final }) => final);
  return firstFinal >= 0 && answers.slice(firstFinal).some(({ final }) => !final);
}

function isOwn({ number, full, provisional, userId, workload, cancelled, deadlineMs }: Sent, { status, reason, result, ...response }: Written, { quotaPerSecond }: Scenario): boolean {
  if (response.workload !== workload || response.userId !== userId) return false;
  if (response.final !== (status !== 'provisional') || response.final === response.isMarked) return false;
  if (!response.final) return provisional && full && result !== undefined && 'label' in result && result.label === String(answerOf('small', number));
  if (reason === 'cancelled') return cancelled;
  if (status === 'rejected' && reason === 'overload') return quotaPerSecond !== undefined && workload === 'plain';
  if (status === 'rejected' && reason === 'expired') return deadlineMs !== undefined;
  if (number < 0 || status === 'rejected') return number < 0 && status === 'rejected' && reason === 'invalid';
  if (number === KILLER) return status !== 'complete';
  const label = result === undefined ? 'fallback' : 'label' in result ? result.label : '';
  const own = [String(answerOf('small', number)), ...(full ? [String(answerOf('large', number))] : [])];
  if (status === 'complete') return label === own.at(-1);
  return label === 'fallback' || own.includes(label);
}

/**
 * Of workloads that promise an order: responses of one key that come before those of its earlier requests, although
 * their own deadline did not force them.
 */
function disordered(sent: readonly Sent[], responses: readonly Written[], { clocksApartMs = 0 }: Scenario): string[] {
  const first = new Map<string, { place: number; time: number; status: string }>();
  for (const { requestId, writtenAt: time, status } of responses) if (!first.has(requestId)) first.set(requestId, { place: first.size, time, status });
  // What is rejected, an invalid or a belated request, never queued (docs/delivery.md).
  const promised = sent.filter(({ requestId, workload, cancelled }) => workload === 'ordered' && !cancelled && first.get(requestId)?.status !== 'rejected');
  return [...Map.groupBy(promised, keyOf).values()].flatMap((requests) => requests.filter((request, index) => {
    const own = first.get(request.requestId);
    const before = first.get(requests[index - 1]?.requestId ?? '');
    if (own === undefined || before === undefined || own.place > before.place) return false;
    return own.time < EPOCH + request.at + LONGEST_DEADLINE_MS - DEADLINE_MARGIN_MS - clocksApartMs;
  })).map(({ requestId }) => requestId);
}
