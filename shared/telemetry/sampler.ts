import type { SpanContext } from '@opentelemetry/api';
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler, type Sampler } from '@opentelemetry/sdk-trace';
import { TandemError } from '../errors/index.ts';
import { lotOfTrace } from './trace-context.ts';

/** The share of the traces that are sampled which begin here. */
type ShareOf = (argument: string | undefined) => number;

const ROOTS: Readonly<Record<string, ShareOf>> = { always_on: () => 1, always_off: () => 0, traceidratio: shareOf };
const PARENT_BASED = 'parentbased_';

export interface Sampling {
  /** The SDK's. */
  sampler: Sampler;
  /** A trace that begins here is sampled if its lot is below that: see `lotOf`. */
  sampledBelow: number;
  /** What the SDK's would say of a span of that trace, whose parent, if it has one, is sampled. */
  samples: (parent: SpanContext | undefined, traceId: string) => boolean;
}

/**
 * As OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
 * @throws {TandemError} `settings_invalid`: the SDK would trace everything then, and say so to nobody
 */
export function samplingOf(environment: Readonly<Record<string, string | undefined>>): Sampling {
  const name = environment['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  const shareOfRoots = ROOTS[name.replace(PARENT_BASED, '')];
  const names = Object.keys(ROOTS).flatMap((each) => [each, PARENT_BASED + each]);
  if (shareOfRoots === undefined) throw new TandemError(`OTEL_TRACES_SAMPLER = ${name}: one of ${names.join(', ')} is expected`, { code: 'settings_invalid' });
  const share = shareOfRoots(environment['OTEL_TRACES_SAMPLER_ARG']);
  const root = samplerOf(share);
  const sampledBelow = share === 1 ? 2 ** 32 : Math.floor(share * (2 ** 32 - 1));
  const followsParents = name.startsWith(PARENT_BASED);
  const samples: Sampling['samples'] = (parent, traceId) => (followsParents && parent !== undefined) || lotOfTrace(traceId) < sampledBelow;
  return { sampler: followsParents ? new ParentBasedSampler({ root }) : root, sampledBelow, samples };
}

function samplerOf(share: number): Sampler {
  if (share === 1) return new AlwaysOnSampler();
  return share === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(share);
}

function shareOf(text: string | undefined): number {
  const share = text === undefined || text === '' ? 1 : Number(text);
  if (share >= 0 && share <= 1) return share;
  throw new TandemError(`OTEL_TRACES_SAMPLER_ARG = ${text}: a share from 0 to 1 is expected, 0.01 for one in a hundred`, { code: 'settings_invalid' });
}
