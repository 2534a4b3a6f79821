import { topicName } from '@tandem/schemas';
import { ControlState } from '@tandem/shared/control';
import { ReportBook, summaryOf, type ExperimentSummary } from '@tandem/shared/core';
import type { EventLog } from '@tandem/shared/log';

/** What is known of all experiments now. */
export interface KnownExperiments {
  control: ControlState;
  reports: ReportBook;
  summaries: ExperimentSummary[];
}

/** Reads what the topics hold at this moment, and goes. */
export async function readExperiments(log: Pick<EventLog, 'tail'>, prefix: string): Promise<KnownExperiments> {
  const [control, reports] = [new ControlState(), new ReportBook()];
  const tails = await Promise.all([
    log.tail({ topic: topicName(prefix, 'control'), onRecord: (record) => void control.apply(record) }),
    log.tail({ topic: topicName(prefix, 'telemetry'), onRecord: ({ key, value }) => reports.heard(key, value) }),
  ]);
  await Promise.all(tails.map((tail) => tail.caughtUp));
  await Promise.all(tails.map((tail) => tail.close()));
  const summaries = control.experiments.map((experiment) => summaryOf(experiment, reports.countsOf(experiment)));
  return { control, reports, summaries: summaries.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
