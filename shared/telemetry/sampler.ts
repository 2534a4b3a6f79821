import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, SamplingDecision, TraceIdRatioBasedSampler, type Sampler } from '@opentelemetry/sdk-trace';
import { TandemError } from '../errors/index.ts';

type Make = (share: () => number) => Sampler;

const ROOTS: Readonly<Record<string, Make>> = { always_on: () => new AlwaysOnSampler(), always_off: () => new AlwaysOffSampler(), traceidratio: (share) => new TraceIdRatioBasedSampler(share()) };
const PARENT_BASED = 'parentbased_';

/**
 * As OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
 * @throws {TandemError} `settings_invalid`: the SDK would trace everything then, and say so to nobody
 */
export function samplerOf(environment: Readonly<Record<string, string | undefined>>): Sampler {
  const name = environment['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  const root = ROOTS[name.replace(PARENT_BASED, '')];
  const names = Object.keys(ROOTS).flatMap((each) => [each, PARENT_BASED + each]);
  if (root === undefined) throw new TandemError(`OTEL_TRACES_SAMPLER = ${name}: one of ${names.join(', ')} is expected`, { code: 'settings_invalid' });
  const sampler = root(() => shareOf(environment['OTEL_TRACES_SAMPLER_ARG']));
  return name.startsWith(PARENT_BASED) ? new ParentBasedSampler({ root: sampler }) : sampler;
}

function shareOf(text: string | undefined): number {
  const share = text === undefined || text === '' ? 1 : Number(text);
  if (share >= 0 && share <= 1) return share;
  throw new TandemError(`OTEL_TRACES_SAMPLER_ARG = ${text}: a share from 0 to 1 is expected, 0.01 for one in a hundred`, { code: 'settings_invalid' });
}

/** Whether a trace that begins here is sampled; these samplers look at its id alone. */
export function samplesRoot(sampler: Sampler, traceId: string): boolean {
  return sampler.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.CONSUMER, {}, []).decision === SamplingDecision.RECORD_AND_SAMPLED;
}
