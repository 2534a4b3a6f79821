import { randomUUID } from 'node:crypto';
import { STAGE_NAMES, topicName, type Request, type Response, type StageName } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { loadSettings, type Settings } from '@tandem/shared/config';
import type { LogProducer, LogRecord } from '@tandem/shared/log';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { System } from '../../services/cli/compose/system.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { until } from './until.ts';

/** A request as a sender writes it, without its id. */
export type Draft = Omit<Request, 'requestId'> & { requestId?: string };

/** What tests see of a running Tandem: its log, and what came out of it. */
export class Client {
  readonly responses = new Map<string, Response[]>();
  readonly deadLetters: LogRecord[] = [];
  readonly ports: Ports;
  readonly prefix: string;
  readonly #producer: LogProducer;

  private constructor(ports: Ports, prefix: string, producer: LogProducer) {
    this.ports = ports;
    this.prefix = prefix;
    this.#producer = producer;
  }

  static async connect(ports: Ports, prefix: string): Promise<Client> {
    const client = new Client(ports, prefix, await ports.log.producer());
    await ports.log.tail({ topic: topicName(prefix, 'responses'), onRecord: (record) => client.#received(record) });
    await ports.log.tail({ topic: topicName(prefix, 'dead-letters'), onRecord: (record) => void client.deadLetters.push(record) });
    return client;
  }

  get answered(): number {
    return this.responses.size;
  }

  /** Writes raw values under random keys: no producer's partitioner is to be trusted. */
  async write(topic: 'requests' | 'requests.bulk' | 'interactions', values: readonly (string | Buffer | null)[]): Promise<void> {
    await this.#producer.send(values.map((value) => ({ topic: topicName(this.prefix, topic), key: randomUUID(), value })));
  }

  /** Sends requests and waits for the first response of each. @param timeoutMs default 30,000 */
  async ask(drafts: readonly Draft[], timeoutMs?: number): Promise<Response[]> {
    const requests = drafts.map((draft) => ({ requestId: randomUUID(), ...draft }));
    await this.write('requests', requests.map((request) => JSON.stringify(request)));
    await until(() => requests.every(({ requestId }) => this.responses.has(requestId)), {
      what: () => `responses to ${requests.filter(({ requestId }) => !this.responses.has(requestId)).length} requests`,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return requests.map(({ requestId }) => this.responses.get(requestId)![0]!);
  }

  #received(record: LogRecord): void {
    const response = JSON.parse(record.value!.toString('utf8')) as Response;
    const known = this.responses.get(response.requestId);
    if (known === undefined) this.responses.set(response.requestId, [response]);
    else known.push(response);
  }
}

export interface RunningTandem extends AsyncDisposable {
  settings: Settings;
  client: Client;
}

/** All stages (or those) in this process, under a prefix of their own, on a machine with that clock. @param probe @default of this machine */
export async function startTandem(flags: Record<string, unknown> = {}, machineClock = systemClock, stages: readonly StageName[] = STAGE_NAMES, probe?: Ports['probe']): Promise<RunningTandem> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const settings = loadSettings({ flags: { prefix, httpPort: '0', logLevel: 'error', ...flags } });
  const opened = await openPorts(settings, 'test', { machineClock });
  const ports: Ports = probe === undefined ? opened : { ...opened, probe };
  await ensureTopology(settings, ports);
  const system = await System.start(stages, settings, ports);
  const client = await Client.connect(ports, settings.prefix);
  return {
    settings,
    client,
    async [Symbol.asyncDispose]() {
      await system[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}
