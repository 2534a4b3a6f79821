import type { Counter, MetricObject, MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import type { Histogram } from './metrics/histogram.ts';

interface Counted {
  records: Counter<'stage' | 'topic' | 'result'>;
  handleSeconds: Histogram<'stage'>;
}

type Values = MetricObjectWithValues<MetricValue<string>>;

/** What `conventionalMetrics` needs of a metric; the library's own types know none that is made from others. */
interface Derived {
  name: string;
  help: string;
  type: unknown;
  get(): Promise<Values>;
}

/**
 * The names that OpenTelemetry's semantic conventions for messaging give to what is counted already, made when they are
 * asked for: nothing is counted twice, and records cost nothing more.
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
 */
export function conventionalMetrics({ records, handleSeconds }: Counted, registry: Registry): void {
  add(registry, 'messaging_client_consumed_messages_total', 'Records handled, by the semantic conventions for messaging', records, ({ stage, topic, result, ...rest }) => ({
    ...rest, messaging_system: systemOf(result), messaging_operation_name: 'process', messaging_destination_name: topic, tandem_stage: stage,
    ...(result === 'handled' || result === 'handed_over' ? {} : { error_type: result }),
  }));
  add(registry, 'messaging_process_duration_seconds', 'From delivery of a record until it is acknowledged, by the semantic conventions for messaging', handleSeconds, ({ stage, ...rest }) => ({
    ...rest, messaging_system: 'kafka', messaging_operation_name: 'process', tandem_stage: stage,
  }));
}

type Labels = Partial<Record<string, string | number>>;

/** What a chain hands over in memory has seen no broker. */
function systemOf(result: string | number | undefined): string {
  return result === 'handed_over' ? 'tandem' : 'kafka';
}

function add(registry: Registry, name: string, help: string, source: { get(): Promise<unknown> }, relabel: (labels: Labels) => Labels): void {
  const original = source.get.bind(source) as () => Promise<Values & MetricObject>;
  const derived: Derived = {
    name, help, type: (source as unknown as MetricObject).type,
    async get() {
      const values = await original();
      return { ...values, name, help, values: values.values.map((value) => renamed(value, name, values.name, relabel)) };
    },
  };
  registry.registerMetric(derived as unknown as Counter);
}

/** Histograms name their parts: `_bucket`, `_sum`, `_count`. */
function renamed(value: MetricValue<string>, name: string, before: string, relabel: (labels: Labels) => Labels): MetricValue<string> {
  const { metricName } = value as { metricName?: string };
  const { exemplar: _, ...rest } = value as MetricValue<string> & { exemplar?: unknown };
  return { ...rest, labels: relabel(value.labels), ...(metricName === undefined ? {} : { metricName: metricName.replace(before, name) }) };
}
