import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.ts';
import type { BrokerCluster } from './broker-cluster.ts';
import type { Fleet, Instance } from './fleet.ts';
import type { RedisTarget } from './redis-target.ts';
import type { PlannedFault, StageTarget } from './schedule.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface Victims {
  fleet: Fleet;
  brokers: BrokerCluster;
  redis: RedisTarget;
  /** A topic and its partitions, for faults that look for a leader. */
  responses: { topic: string; partitions: number };
}

/** A fault as it really happened. */
export interface InjectedFault extends PlannedFault {
  /** Which instance or broker it met. */
  victim: string;
  startedAt: number;
  endedAt: number;
}

const SLOW_MS = 300;
const SLOW_BYTES_PER_SECOND = 60_000;
const IN_SYNC_TIMEOUT_MS = 60_000;
/** A server that has failed is left alone for so long: what is promised holds for one fault at a time. */
const REST_MS = 15_000;

/** Does what a fault says, and undoes it after its duration. One server fails at a time; everything else may coincide. */
export class Injector {
  readonly #victims: Victims;
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(victims: Victims) {
    this.#victims = victims;
  }

  /** Resolves when the fault is over. */
  async inject(fault: PlannedFault): Promise<InjectedFault> {
    switch (fault.kind) {
      case 'kill': return this.#signal(fault, 'SIGKILL');
      case 'term': return this.#signal(fault, 'SIGTERM');
      case 'pause': return this.#freeze(fault, [this.#instanceOf(fault)]);
      case 'freeze': return this.#freeze(fault, this.#victims.fleet.of(fault.target as StageTarget));
      case 'add': return this.#add(fault);
      case 'cut': return this.#network(fault, (proxy) => proxy.cut());
      case 'stall': return this.#network(fault, (proxy) => proxy.stall());
      case 'delay': return this.#network(fault, (proxy) => proxy.shape({ delayMs: SLOW_MS }));
      case 'throttle': return this.#network(fault, (proxy) => proxy.shape({ bytesPerSecond: SLOW_BYTES_PER_SECOND }));
      case 'broker-kill':
      case 'leader-kill':
      case 'leader-pause':
      case 'disk-full': return this.#alone('brokers', () => this.#breakBroker(fault));
      case 'redis-kill': return this.#alone('redis', () => this.#breakRedis(fault));
      case 'redis-flush': return this.#alone('redis', () => this.#timed(fault, 'redis', () => this.#victims.redis.flush()));
      case 'redis-cut': return this.#proxied(fault, 'redis', [this.#victims.redis.proxy], (proxy) => proxy.cut());
      case 'redis-stall': return this.#proxied(fault, 'redis', [this.#victims.redis.proxy], (proxy) => proxy.stall());
    }
  }

  #instanceOf({ target, choice }: PlannedFault): Instance {
    const instances = this.#victims.fleet.of(target as StageTarget);
    return instances[Math.floor(choice * instances.length)]!;
  }

  #signal(fault: PlannedFault, signal: NodeJS.Signals): Promise<InjectedFault> {
    const instance = this.#instanceOf(fault);
    return this.#timed(fault, instance.name, async () => {
      const running = instance.runningAgain();
      instance.signal(signal);
      await running;
    });
  }

  #freeze(fault: PlannedFault, instances: readonly Instance[]): Promise<InjectedFault> {
    return this.#timed(fault, instances.map(({ name }) => name).join(' '), async () => {
      for (const instance of instances) instance.signal('SIGSTOP');
      await delay(fault.durationMs);
      for (const instance of instances) instance.signal('SIGCONT');
    });
  }

  #add(fault: PlannedFault): Promise<InjectedFault> {
    const { fleet } = this.#victims;
    const instance = fleet.add(fault.target as StageTarget);
    return this.#timed(fault, instance.name, async () => {
      await instance.start();
      await delay(fault.durationMs);
    }).finally(() => fleet.remove(instance));
  }

  #network(fault: PlannedFault, worsen: (proxy: TcpProxy) => void): Promise<InjectedFault> {
    const { brokers } = this.#victims;
    return this.#proxied(fault, `Kafka of ${fault.target}`, brokers.proxiesOf(fault.target as StageTarget | 'all'), worsen);
  }

  /** A network that is bad already is left as it is, then made bad in this way. */
  #proxied(fault: PlannedFault, victim: string, proxies: readonly TcpProxy[], worsen: (proxy: TcpProxy) => void): Promise<InjectedFault> {
    return this.#alone(victim === 'redis' ? 'redis' : 'network', () => this.#timed(fault, victim, async () => {
      for (const proxy of proxies) worsen(proxy);
      await delay(fault.durationMs);
      for (const proxy of proxies) proxy.heal();
    }));
  }

  async #breakBroker(fault: PlannedFault): Promise<InjectedFault> {
    const { brokers, responses } = this.#victims;
    const index = fault.kind.startsWith('leader')
      ? await brokers.leaderOf(responses.topic, Math.floor(fault.choice * responses.partitions))
      : Math.floor(fault.choice * brokers.count);
    const done = await this.#timed(fault, `broker ${index + 1}`, async () => {
      if (fault.kind === 'leader-pause') brokers.signal(index, 'SIGSTOP');
      else if (fault.kind === 'disk-full') await brokers.fillDisk(index);
      else await brokers.killBroker(index);
      await delay(fault.durationMs);
      if (fault.kind === 'leader-pause') brokers.signal(index, 'SIGCONT');
      else await brokers.startBroker(index);
    });
    // With one replica behind, a second broker's end would stop all writes: that is another experiment.
    await until(() => brokers.inSync().catch(() => false), { timeoutMs: IN_SYNC_TIMEOUT_MS, everyMs: 500, what: 'all replicas to be in sync' });
    return done;
  }

  #breakRedis(fault: PlannedFault): Promise<InjectedFault> {
    const { redis } = this.#victims;
    return this.#timed(fault, 'redis', async () => {
      await redis.kill();
      await delay(fault.durationMs);
      await redis.launch();
    });
  }

  async #timed(fault: PlannedFault, victim: string, act: () => Promise<unknown>): Promise<InjectedFault> {
    const startedAt = Date.now();
    await act();
    return { ...fault, victim, startedAt, endedAt: Date.now() };
  }

  /** After everything that was asked of the same resource before, and a rest. */
  #alone<Result>(resource: string, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#busy.get(resource) ?? Promise.resolve()).then(act, act);
    this.#busy.set(resource, turn.then(() => delay(REST_MS), () => delay(REST_MS)));
    return turn;
  }
}
