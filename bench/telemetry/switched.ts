import { randomBytes } from 'node:crypto';
import { HEADER } from '@tandem/schemas';
import type { Headers } from '@tandem/shared/log';
import { createMetrics, startTracing, type Tracing } from '@tandem/shared/telemetry';

/** Off; metrics; metrics and 1 % head-sampled traces; metrics and every request traced. */
export const WAYS = ['off', 'metrics', 'sampled', 'all'] as const;
export type Way = typeof WAYS[number];

export const NAMES: Readonly<Record<Way, string>> = { off: 'off', metrics: 'metrics', sampled: 'metrics, 1 % traced', all: 'metrics, all traced' };

export function isWay(text: string): text is Way {
  return (WAYS as readonly string[]).includes(text);
}

let way: Way = 'off';

/** What the processes that have called `switchedMetrics` and `switchedTracing` do from now on. */
export function switchTo(next: Way): void {
  way = next;
}

type Tell = (this: unknown, labels: unknown, value: unknown) => void;

/** Call it before any metric is used: from then on they count nothing while all is off. There is no setting for that, since nobody else wants it. */
export function switchedMetrics(): void {
  const { records, lag, handleSeconds } = createMetrics({ processMetrics: false });
  for (const metric of [records, lag, handleSeconds, records.series({}), handleSeconds.series({})]) {
    const prototype = Object.getPrototypeOf(metric) as Record<string, Tell>;
    for (const name of ['count', 'add', 'inc', 'dec', 'set', 'observe']) {
      const tell = prototype[name];
      if (tell === undefined || !Object.hasOwn(prototype, name)) continue;
      prototype[name] = function (labels, value) {
        if (way !== 'off') tell.call(this, labels, value);
      };
    }
  }
}

/** As from a sender that traces its request. */
function sendersTrace(headers: Headers): Headers {
  return { ...headers, [HEADER.traceparent]: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01` };
}

/** Sampling 1 %, and everything where all is traced: then each request comes as from a sender that samples it. @param collector URL */
export async function switchedTracing(service: string, collector: string): Promise<Tracing> {
  Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' });
  const real = await startTracing(service, process.env);
  const isTraced = () => way === 'sampled' || way === 'all';
  return {
    // A runner asks once whether it is to flush.
    isOn: true,
    start(stage, topic, headers, origin) {
      if (!isTraced()) return undefined;
      return real.start(stage, topic, way === 'all' && headers[HEADER.traceparent] === undefined ? sendersTrace(headers) : headers, origin);
    },
    run: (span, action) => (span === undefined ? action() : real.run(span, action)),
    flush: () => (isTraced() ? real.flush() : Promise.resolve()),
    close: () => real.close(),
  };
}
