import { topicName, type AuditEntry, type Control, type ExperimentControl, type Lane } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { experimentRecords, keyOf, laneKey, releaseRecords, wished, workerKey, type ExperimentWish, type Release } from '@tandem/shared/control';
import { replayLetters, type ReplaySummary } from '@tandem/shared/dead-letters';
import { messageOf } from '@tandem/shared/errors';
import type { EventLog, LogProducer } from '@tandem/shared/log';

export interface OperatorOptions {
  log: EventLog;
  producer: LogProducer;
  prefix: string;
  clock: Clock;
}

/** An action and what it is done to, as the audit names them. */
interface Deed {
  actor: string;
  action: string;
  target: string;
}

const LONGEST_TARGET = 4_000;

/** What an operator can do. Each action leaves an entry on topic `audit`, also one that failed. */
export class Operator {
  readonly #options: OperatorOptions;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** No new request of the lane is taken in; what is on its way is finished, the rest waits in the log. */
  pauseLane(actor: string, lane: Lane): Promise<void> {
    return this.#audited({ actor, action: 'lane.pause', target: lane }, () => this.#want({ kind: 'lane_hold', lane, by: actor, time: this.#now }));
  }

  resumeLane(actor: string, lane: Lane): Promise<void> {
    return this.#audited({ actor, action: 'lane.resume', target: lane }, () => this.#takeBack(laneKey(lane)));
  }

  /** It finishes what it has, and leaves its work to the others. */
  drainWorker(actor: string, instance: string): Promise<void> {
    return this.#audited({ actor, action: 'worker.drain', target: instance }, () => this.#want({ kind: 'worker_drain', instance, by: actor, time: this.#now }));
  }

  resumeWorker(actor: string, instance: string): Promise<void> {
    return this.#audited({ actor, action: 'worker.resume', target: instance }, () => this.#takeBack(workerKey(instance)));
  }

  /**
   * What becomes of an experiment; written together with its entry in the audit, or, where it fails, the entry alone.
   * @throws {TandemError} `experiment_refused`
   */
  steerExperiment(actor: string, control: ExperimentControl, wish: ExperimentWish): Promise<void> {
    const { prefix, producer } = this.#options;
    const time = this.#now;
    return this.#auditedIfFailed({ actor, action: `experiment.${wish.deed}`, target: control.definition.name }, () => {
      const { next, deed } = wished(control, wish, { by: actor, time });
      return producer.send(experimentRecords(next, { prefix, actor, deed, time }));
    });
  }

  /** Which version of a variant workers take; written together with its entry in the audit. Each of them verifies what it loads. */
  release(actor: string, release: Release): Promise<void> {
    const { prefix, producer } = this.#options;
    const action = release.variant === null ? 'model.rollback' : 'model.promote';
    return this.#auditedIfFailed({ actor, action, target: release.name }, () => producer.send(releaseRecords(release, { prefix, actor, time: this.#now })));
  }

  /** @param keys `<topic>/<partition>/<offset>` of the letters that somebody has looked at */
  replay(actor: string, keys: readonly string[], signal: AbortSignal): Promise<ReplaySummary> {
    const { log, producer, prefix } = this.#options;
    const target = keys.join(' ');
    const deed = { actor, action: 'dead-letters.replay', target: target.length > LONGEST_TARGET ? `${target.slice(0, LONGEST_TARGET)} …` : target };
    const options = { log, producer, prefix, topic: topicName(prefix, 'dead-letters'), filter: { keys: new Set(keys) }, limit: keys.length, force: false, dryRun: false, signal };
    return this.#audited(deed, () => replayLetters(options), (summary) => told(summary, keys.length));
  }

  get #now(): number {
    return Math.max(0, Math.round(this.#options.clock.now()));
  }

  #want(control: Control): Promise<void> {
    return this.#write('control', keyOf(control), JSON.stringify(control));
  }

  #takeBack(key: string): Promise<void> {
    return this.#write('control', key, null);
  }

  #audited<Result>(deed: Deed, act: () => Promise<Result>, detailOf: (result: Result) => string | undefined = () => undefined): Promise<Result> {
    return this.#auditedIfFailed(deed, async () => {
      const result = await act();
      const detail = detailOf(result);
      await this.#audit({ ...deed, outcome: 'done', time: this.#now, ...(detail === undefined ? {} : { detail }) });
      return result;
    });
  }

  async #auditedIfFailed<Result>(deed: Deed, act: () => Promise<Result>): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      await this.#audit({ ...deed, outcome: 'failed', time: this.#now, detail: messageOf(error).slice(0, LONGEST_TARGET) });
      throw error;
    }
  }

  #audit(entry: AuditEntry): Promise<void> {
    return this.#write('audit', entry.actor, JSON.stringify(entry));
  }

  #write(kind: 'control' | 'audit', key: string, value: string | null): Promise<void> {
    const { producer, prefix } = this.#options;
    return producer.send([{ topic: topicName(prefix, kind), key, value }]);
  }
}

function told({ replayed, refused, withoutTopic }: ReplaySummary, wanted: number): string {
  const reasons = Object.entries(refused).map(([code, count]) => `${count} ${code} in vain`);
  if (withoutTopic > 0) reasons.push(`${withoutTopic} without a topic`);
  return [`${replayed} of ${wanted} put back`, ...reasons].join(', ');
}
