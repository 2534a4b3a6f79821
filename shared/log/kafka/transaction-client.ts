import { Backoff, pause, type PersistOptions } from './backoff.ts';
import type { DirectCluster } from './direct-cluster.ts';
import type { ProducerIdentity } from './produce-request.ts';
import { failureOf, TransactionFailure, verdictOn } from './transaction-failures.ts';
import type { TransactionPart } from './transaction-part.ts';

/** What a partition said to its batch. */
export interface PartResult {
  part: TransactionPart;
  failure: ReturnType<typeof failureOf>;
  /** Of the batch's first record; −1 where the broker did not say. */
  baseOffset: number;
  /** Epoch ms; −1 where the topic keeps the producer's times. */
  logAppendTime: number;
}

interface AddPartitionsAnswer {
  errors: { topic: string; partitionErrors: { partition: number; errorCode: number }[] }[];
}

const PRODUCE_TIMEOUT_MS = 10_000;
/** The code of partitions that others have kept from being added. */
const NOT_TRIED = 55;

/**
 * The requests of Kafka's transactions, one try each. kafkajs' own transactional producer does not tell which partitions
 * of a failed request were written and takes back the sequence numbers of all, so that after a refused record a later
 * one can be taken for a repetition and dropped.
 */
export class TransactionClient {
  readonly #cluster: DirectCluster;
  readonly #transactionalId: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs the broker aborts a transaction that is open for so long */
  constructor(cluster: DirectCluster, transactionalId: string, timeoutMs: number) {
    this.#cluster = cluster;
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
  }

  /** Ends the transaction of whoever had the name before, and fences it. @throws {TransactionFailure} */
  async open(): Promise<ProducerIdentity> {
    const coordinator = await this.#cluster.transactionCoordinator(this.#transactionalId);
    const parameters = { transactionalId: this.#transactionalId, transactionTimeout: this.#timeoutMs };
    const answer = (await this.#cluster.call(coordinator, 'InitProducerId', parameters)) as ProducerIdentity & { errorCode: number };
    this.#check(answer.errorCode, 'the writer cannot be opened');
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
  }

  /** Begins a transaction over these partitions. @throws {TransactionFailure} */
  async begin(identity: ProducerIdentity, parts: readonly TransactionPart[]): Promise<void> {
    const coordinator = await this.#cluster.transactionCoordinator(this.#transactionalId);
    const topics = [...Map.groupBy(parts, ({ topic }) => topic)].map(([topic, all]) => ({ topic, partitions: all.map(({ partition }) => partition) }));
    const answer = (await this.#cluster.call(coordinator, 'AddPartitionsToTxn', { transactionalId: this.#transactionalId, ...identity, topics })) as AddPartitionsAnswer;
    const errors = answer.errors.flatMap(({ topic, partitionErrors }) => partitionErrors.map(({ errorCode }) => ({ topic, errorCode })));
    const failed = errors.filter(({ errorCode }) => errorCode !== 0);
    const reason = failed.find(({ errorCode }) => errorCode !== NOT_TRIED) ?? failed[0];
    if (reason !== undefined) throw new TransactionFailure(reason.errorCode, 'the transaction cannot begin', reason.topic);
  }

  /** Writes one batch to each part, all of them led by the broker. @throws when there is no answer */
  async produce(identity: ProducerIdentity, leader: number, parts: readonly TransactionPart[], sequenceOf: (part: TransactionPart) => number): Promise<PartResult[]> {
    const batches = parts.map((part) => ({ topic: part.topic, partition: part.partition, firstSequence: sequenceOf(part), records: part.batch.map(({ record }) => record) }));
    const request = { ...identity, transactionalId: this.#transactionalId, timeoutMs: PRODUCE_TIMEOUT_MS, parts: batches };
    const { results } = await this.#cluster.produce(leader, request);
    return parts.map((part) => {
      const result = results.find(({ topic, partition }) => topic === part.topic && partition === part.partition);
      const failure = failureOf(result?.errorCode, `records for topic "${part.topic}"`, part.topic);
      return { part, failure, baseOffset: result?.baseOffset ?? -1, logAppendTime: result?.logAppendTime ?? -1 };
    });
  }

  /** @throws {TransactionFailure} */
  async end(identity: ProducerIdentity, transactionResult: boolean): Promise<void> {
    const coordinator = await this.#cluster.transactionCoordinator(this.#transactionalId);
    const parameters = { transactionalId: this.#transactionalId, ...identity, transactionResult };
    const { errorCode } = (await this.#cluster.call(coordinator, 'EndTxn', parameters)) as { errorCode: number };
    this.#check(errorCode, transactionResult ? 'the transaction cannot be committed' : 'the transaction cannot be aborted');
  }

  #check(code: number, what: string): void {
    const failure = failureOf(code, what);
    if (failure !== undefined) throw failure;
  }
}

const BUSY_MS = 10;

/**
 * Opens again and again while a broker is away, or settles what the writer before has left.
 * @throws the last failure, when it is final or time is up
 */
export async function openTransactions(client: TransactionClient, cluster: DirectCluster, { timeoutMs, signal }: PersistOptions): Promise<ProducerIdentity> {
  const deadline = Date.now() + timeoutMs;
  const backoff = new Backoff();
  for (;;) {
    try {
      return await client.open();
    } catch (error) {
      const verdict = verdictOn(error);
      if ((verdict !== 'busy' && verdict !== 'transient') || Date.now() >= deadline || signal.aborted) throw error;
      if (verdict !== 'busy') cluster.reset();
      await pause(verdict === 'busy' ? BUSY_MS : backoff.nextMs(), signal);
    }
  }
}
