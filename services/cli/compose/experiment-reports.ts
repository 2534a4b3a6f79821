import { topicName, type ExperimentControl, type Response, type ShadowOutcome, type Task, type TaskArm } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { agreement, answerOfArm, ExperimentTallies, reportKey, type Adapter, type ExperimentBook } from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { LogProducer } from '@tandem/shared/log';
import type { Logger, Metrics } from '@tandem/shared/telemetry';
import { ExperimentLabels } from './experiment-labels.ts';
import type { ShadowItems } from './live-accuracy.ts';

const INTERVAL_MS = 1_000;

export interface ExperimentReportsOptions {
  prefix: string;
  instance: string;
  experiments: ExperimentBook;
  producer: Pick<LogProducer, 'send'>;
  clock: Clock;
  logger: Pick<Logger, 'debug' | 'warn'>;
  metrics: Pick<Metrics, 'experimentAnswers' | 'experimentSeconds' | 'experimentJudged' | 'experimentHits' | 'experimentCopies'>;
  adapterOf: (workload: string) => Adapter | undefined;
  /** What a copy would have offered its user. */
  onItems: (copy: ShadowItems) => void;
}

/**
 * Counts what becomes of the arms of experiments in the answers that this process gives, and tells it on topic `telemetry` once a second, so that
 * whoever holds the experiments against their guard rails knows all processes' counts. Costs nothing while there is no experiment.
 */
export class ExperimentReports {
  readonly #options: ExperimentReportsOptions;
  readonly #tallies = new ExperimentTallies();
  readonly #labels = new ExperimentLabels();
  readonly #source: string;
  #changed = false;
  #sending: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;

  constructor(options: ExperimentReportsOptions) {
    this.#options = options;
    this.#source = `${options.instance}/${options.clock.now()}`;
  }

  start(): void {
    this.#schedule();
  }

  /** What was counted last is told. */
  async stop(): Promise<void> {
    this.#cancel();
    this.#tell();
    await this.#sending;
  }

  answered(response: Response, { experiments = [] }: Pick<Task, 'experiments'>): void {
    for (const arm of experiments) {
      const control = this.#going(arm.experiment);
      const answer = control === undefined ? undefined : answerOfArm(response, arm);
      if (control === undefined || answer === undefined) continue;
      this.#tallies.of(control).answered(arm.arm, answer);
      const { metrics } = this.#options;
      metrics.experimentAnswers.inc({ ...this.#labels.of(arm), result: answer.isBad ? 'bad' : answer.hasYielded ? 'yielded' : 'good' });
      metrics.experimentSeconds.observe(this.#labels.of(arm), answer.latencyMs / 1_000);
      this.#changed = true;
    }
  }

  judged(arm: TaskArm, userId: string, isHit: boolean): void {
    const control = this.#going(arm.experiment);
    if (control === undefined) return;
    this.#tallies.of(control).judged(arm.arm, userId, isHit);
    this.#options.metrics.experimentJudged.inc(this.#labels.of(arm));
    this.#options.metrics.experimentHits.inc(this.#labels.of(arm), isHit ? 1 : 0);
    this.#changed = true;
  }

  /** A defect of an adapter must not reach fusion through what answers nobody. */
  shadowed(outcome: ShadowOutcome): void {
    const control = this.#going(outcome.shadow.experiment);
    if (control === undefined) return;
    try {
      this.#count(outcome, control);
    } catch (error) {
      this.#options.logger.warn({ error: messageOf(error), arm: outcome.shadow.arm }, 'a copy’s result could not be read');
    }
  }

  #count({ shadow, end, task, step, previous }: ShadowOutcome, control: ExperimentControl): void {
    const { metrics, adapterOf, onItems } = this.#options;
    const tally = this.#tallies.of(control);
    const result = end.kind;
    metrics.experimentCopies.inc({ ...this.#labels.of(shadow), result });
    const latencyMs = end.kind === 'completed' ? end.run.queueMs + end.run.computeMs : 0;
    tally.answered(shadow.arm, { latencyMs, isBad: end.kind === 'failed', hasYielded: end.kind === 'expired' });
    this.#changed = true;
    if (end.kind !== 'completed') return;
    const alike = agreement({ step, previous, end });
    if (alike !== undefined) tally.compared(shadow.arm, alike);
    const shown = task.userId === undefined ? undefined : adapterOf(task.workload)?.present(end.result, task.input);
    if (shown === undefined || task.userId === undefined || !('items' in shown)) return;
    onItems({ userId: task.userId, items: shown.items.map(({ itemId }) => itemId), askedAt: task.arrivedAt, arm: shadow });
  }

  /** What is over is not counted any more. */
  #going(name: string): ExperimentControl | undefined {
    const control = this.#options.experiments.named(name);
    return control === undefined || control.state === 'stopped' ? undefined : control;
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancel = clock.schedule(clock.now() + INTERVAL_MS, () => {
      this.#tell();
      this.#schedule();
    });
  }

  #tell(): void {
    const { experiments, producer, prefix, clock, logger } = this.#options;
    this.#tallies.keep(new Set(experiments.all.map(({ definition }) => definition.name)));
    if (!this.#changed) return;
    this.#changed = false;
    const topic = topicName(prefix, 'telemetry');
    const records = this.#tallies.reports(this.#source, Math.round(clock.now())).map((report) => ({ topic, key: reportKey(report), value: JSON.stringify(report) }));
    this.#sending = producer.send(records).catch((error: unknown) => {
      // All that was counted goes out with the next one.
      this.#changed = true;
      logger.debug({ error: messageOf(error) }, 'counts of experiments could not be written; trying again');
    });
  }
}
