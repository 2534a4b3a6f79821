import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { exitOnSignals } from '../../test/support/processes.ts';
import { describeMachine } from '../harness/machine.ts';
import { cpuSecondsOf } from '../harness/process-tree.ts';
import { median, quantile, spreadOf } from '@tandem/shared/statistics';
import { openStand } from '../harness/stand.ts';
import { BODY, overHttp, overKafka, type RoundTrips } from './round-trips.ts';

const HELP = `Measures the gateway with an echo in place of the stages: how many requests a second go through HTTP, the gateway and the log, and what HTTP adds to
Kafka's own round trip at a low rate. Both parts are taken in turns.

  npm run bench:gateway -- [--kafka HOST:PORT] [--rounds 5] [--seconds 10] [--connections 128] [--rate 50] [--json FILE]

Without --kafka a broker is started on this machine and shares its cores, as do the echo and the load. Targets on 2 cores: 5,000 requests/s; 3 ms added at the median.
`;

const { values } = parseArgs({
  options: {
    kafka: { type: 'string' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '128' }, rate: { type: 'string', default: '50' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const WARM_UP = 50;

/** A child of this process, ready when it has said so. */
async function start(args: readonly string[], isReady: RegExp): Promise<{ child: ChildProcess; found: RegExpExecArray }> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let text = '';
  for (;;) {
    const [chunk] = (await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), once(child, 'exit').then(() => [undefined])])) as [Buffer | undefined];
    if (chunk === undefined) throw new Error(`${args.join(' ')} ended: ${text}`);
    text += String(chunk);
    const found = isReady.exec(text);
    if (found === null) continue;
    child.stdout.resume();
    child.stderr.resume();
    return { child, found };
  }
}

interface Throughput {
  perSecond: number;
  p50: number;
  p99: number;
  failed: number;
  /** CPU of each process for a request, µs: what stays comparable on a machine that others use too. */
  cpuMicros: Record<string, number>;
}

type Pids = Readonly<Record<string, number | undefined>>;

const cpuOf = (pids: Pids) => Object.entries(pids).map(([name, pid]) => [name, pid === undefined ? NaN : cpuSecondsOf([pid])] as const);

async function throughput(url: string, seconds: number, connections: number, pids: Pids): Promise<Throughput> {
  const before = new Map(cpuOf(pids));
  const result = await autocannon({ url: `${url}/v1/requests`, method: 'POST', headers: { 'content-type': 'application/json' }, body: BODY, duration: seconds, connections });
  const answered = result['2xx'];
  const cpuMicros = Object.fromEntries(cpuOf(pids).map(([name, after]) => [name, Math.round(((after - (before.get(name) ?? NaN)) * 1e6) / answered)]));
  return { perSecond: answered / result.duration, p50: result.latency.p50, p99: result.latency.p99, failed: result.non2xx + result.errors, cpuMicros };
}

/** One after the other, so that whatever the machine does meanwhile it does to both. */
async function inTurns(http: RoundTrips, kafka: RoundTrips, seconds: number, rate: number): Promise<{ http: number[]; kafka: number[] }> {
  const taken = { http: [] as number[], kafka: [] as number[] };
  for (const until = performance.now() + seconds * 1_000; performance.now() < until; ) {
    taken.http.push(await http.take());
    await delay(500 / rate);
    taken.kafka.push(await kafka.take());
    await delay(500 / rate);
  }
  return taken;
}

async function measure(): Promise<void> {
  const [rounds, seconds, connections, rate] = [values.rounds, values.seconds, values.connections, values.rate].map(Number) as [number, number, number, number];
  const machine = describeMachine({ startsBroker: values.kafka === undefined });
  await using stand = await openStand(values.kafka, []);
  const place = await stand.newPlace();
  const shared = ['--kafka', stand.kafka, '--prefix', place.prefix];
  const echo = await start([join(import.meta.dirname, 'echo.ts'), ...shared], /ready/);
  const gateway = await start([TANDEM, 'gateway', ...shared, '--gateway-port', '0', '--http-port', '0', '--gateway-inference-threads', '0', '--gateway-max-wait-ms', '10000'], /"url":"([^"]+)"/);
  const url = gateway.found[1]!;
  await using http = overHttp(url);
  await using kafka = await overKafka(stand.log, place.prefix);
  for (let count = 0; count < WARM_UP; count++) await Promise.all([http.take(), kafka.take()]);
  const pids = { gateway: gateway.child.pid, echo: echo.child.pid, broker: stand.brokerPid };
  const result = { machine, throughput: [] as Throughput[], http: [] as number[], kafka: [] as number[], addedMs: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    result.throughput.push(await throughput(url, seconds, connections, pids));
    await delay(500);
    const taken = await inTurns(http, kafka, seconds, rate);
    result.http.push(...taken.http);
    result.kafka.push(...taken.kafka);
    result.addedMs.push(median(taken.http) - median(taken.kafka));
  }
  gateway.child.kill('SIGTERM');
  echo.child.kill('SIGKILL');
  await once(gateway.child, 'exit');
  await stand.clear(place);
  report(result, connections);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}

function report({ machine, throughput: rounds, http, kafka, addedMs }: { machine: ReturnType<typeof describeMachine>; throughput: Throughput[]; http: number[]; kafka: number[]; addedMs: number[] }, connections: number): void {
  const spread = (all: readonly number[], digits: number) => {
    const { median: middle, least, most } = spreadOf(all);
    return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
  };
  console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.loadAverage} when it began, Node ${machine.node}, commit ${machine.commit}`);
  console.log(`echo through HTTP, gateway and Kafka, ${connections} connections: ${spread(rounds.map(({ perSecond }) => perSecond), 0)} requests/s, p50 ${spread(rounds.map(({ p50 }) => p50), 0)} ms, p99 ${spread(rounds.map(({ p99 }) => p99), 0)} ms, ${rounds.reduce((sum, { failed }) => sum + failed, 0)} failed`);
  const names = Object.keys(rounds[0]?.cpuMicros ?? {});
  console.log(`CPU for a request: ${names.map((name) => `${name} ${spread(rounds.map(({ cpuMicros }) => cpuMicros[name] ?? NaN), 0)} µs`).join(', ')}`);
  console.log(`one at a time: over HTTP median ${median(http).toFixed(2)} ms, p99 ${quantile(http, 0.99).toFixed(2)}; over Kafka alone ${median(kafka).toFixed(2)} ms, p99 ${quantile(kafka, 0.99).toFixed(2)}; added at the median ${spread(addedMs, 2)} ms`);
}

if (values.help) process.stdout.write(HELP);
else {
  exitOnSignals();
  await measure();
}
