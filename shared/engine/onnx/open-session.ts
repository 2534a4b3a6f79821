import './no-telemetry.ts';
import { InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import { messageOf } from '../../errors/tandem-error.ts';
import type { GraphReport, TensorMetadata } from './messages.ts';
import type { GraphOptimization } from './options.ts';
import { providerName, type ProviderConfig } from './provider.ts';

export interface SessionChoice {
  intraOpThreads: number;
  graphOptimization: GraphOptimization;
  spinning: boolean;
  /** Where files lie that hold constants of the graph (ONNX external data). */
  folder: string;
  /** Tried in this order. */
  providers: readonly ProviderConfig[];
}

/**
 * Opens a session on the first provider that takes the graph.
 * @throws the last provider's reason
 */
export async function openSession(bytes: Uint8Array, choice: SessionChoice): Promise<{ session: InferenceSession; report: GraphReport }> {
  const refused: GraphReport['refused'] = [];
  for (const provider of choice.providers) {
    try {
      const session = await create(bytes, provider, choice);
      const inputs = metadata(session.inputMetadata);
      return { session, report: { provider: providerName(provider), refused, inputs, outputs: metadata(session.outputMetadata) } };
    } catch (error) {
      refused.push({ provider: providerName(provider), reason: messageOf(error) });
    }
  }
  throw new Error(refused.map(({ provider, reason }) => `${provider}: ${reason}`).join('; '));
}

async function create(bytes: Uint8Array, provider: ProviderConfig, { intraOpThreads, graphOptimization, spinning, folder }: SessionChoice): Promise<InferenceSession> {
  const name = providerName(provider);
  if (!listSupportedBackends().some((backend) => backend.name === name)) {
    throw new Error('this build of onnxruntime-node has no such execution provider');
  }
  return InferenceSession.create(bytes, {
    executionProviders: [provider],
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: graphOptimization,
    extra: { session: { intra_op: { allow_spinning: spinning ? '1' : '0' }, model_external_initializers_file_folder_path: folder } },
    // Fatal only: every error comes back as an exception, and is reported once, by us.
    logSeverityLevel: 4,
  });
}

function metadata(values: readonly InferenceSession.ValueMetadata[]): TensorMetadata[] {
  return values.map((value) => (value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape }
    : { name: value.name, type: 'not a tensor', shape: [] }));
}
