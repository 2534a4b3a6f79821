import { Registry, type OpenMetricsContentType, type Counter, type MetricObjectWithValues, type MetricValue } from 'prom-client';

export interface Exposition {
  contentType: string;
  text: string;
}

const OPENMETRICS = /application\/openmetrics-text/;

/**
 * All metrics as text: in OpenMetrics' format, which carries exemplars, for scrapers that ask for it, as Prometheus does;
 * else in Prometheus' own, as for a person with curl.
 */
export async function expose(registry: Registry, accept = ''): Promise<Exposition> {
  if (!OPENMETRICS.test(accept)) return { contentType: registry.contentType, text: await registry.metrics() };
  const open = openMetricsOf(registry);
  return { contentType: open.contentType, text: await open.metrics() };
}

/** The library renames counters in place when it writes OpenMetrics: these stand in for them. */
function openMetricsOf(registry: Registry): Registry<OpenMetricsContentType> {
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) {
    const { type } = metric as unknown as { type: string };
    const name = type === 'counter' ? metric.name.replace(/_total$/, '') : metric.name;
    const get = async () => ({ ...(await (metric as unknown as { get(): Promise<MetricObjectWithValues<MetricValue<string>>> }).get()), name });
    open.registerMetric({ name, type, get } as unknown as Counter);
  }
  return open;
}
