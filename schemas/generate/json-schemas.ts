import { z } from 'zod';
import {
  auditEntrySchema, cancelSchema, classifyInputSchema, controlSchema, erasureSchema, experimentSchema, generateInputSchema, hintsSchema, interactionSchema, recommendInputSchema, registrySchema, requestSchema,
  responseSchema, variantSchema, workloadSchema,
} from '../index.ts';

/** A schema that programs outside of Tandem validate against, or editors complete from. */
export interface PublicSchema {
  /** File name under schemas/generated/, without `.schema.json`. */
  file: string;
  title: string;
  description: string;
  schema: z.ZodType;
}

export const publicSchemas: readonly PublicSchema[] = [
  { file: 'request', title: 'Request', description: 'Topics requests and requests.bulk.', schema: requestSchema },
  { file: 'cancel', title: 'Cancel', description: 'Topics requests and requests.bulk: takes a request back.', schema: cancelSchema },
  { file: 'interaction', title: 'Interaction', description: 'Topic interactions.', schema: interactionSchema },
  { file: 'erasure', title: 'Erasure', description: 'Topic interactions: a user’s interactions so far are to be forgotten.', schema: erasureSchema },
  { file: 'response', title: 'Response', description: 'Topic responses.', schema: responseSchema },
  { file: 'hints', title: 'Hints', description: 'The hints of a request.', schema: hintsSchema },
  { file: 'recommend-input', title: 'RecommendInput', description: 'The input of a request to a workload of the recommend adapter.', schema: recommendInputSchema },
  { file: 'generate-input', title: 'GenerateInput', description: 'The input of a request to a workload of the generate adapter.', schema: generateInputSchema },
  { file: 'classify-input', title: 'ClassifyInput', description: 'The input of a request to a workload of the classify adapter.', schema: classifyInputSchema },
  { file: 'experiment', title: 'Experiment', description: 'A file that defines an experiment.', schema: experimentSchema },
  { file: 'workload', title: 'Workload', description: 'A file in workloads/.', schema: workloadSchema },
  { file: 'registry', title: 'Registry', description: 'models/registry.json.', schema: registrySchema },
  { file: 'control', title: 'Control', description: 'Topic control: what operators want of the stages, until a tombstone takes it back.', schema: controlSchema },
  { file: 'audit-entry', title: 'AuditEntry', description: 'Topic audit: what an operator did, and what came of it.', schema: auditEntrySchema },
  { file: 'variant', title: 'Variant', description: 'One model at one precision: an entry of the registry, and a record of the topic models.', schema: variantSchema },
];

export type JsonSchema = Record<string, unknown>;

/** What a writer may write: defaults are optional, unknown fields are allowed. */
export function toJsonSchema({ schema, title, description }: PublicSchema, target: 'draft-2020-12' | 'draft-7'): JsonSchema {
  const { $schema, ...body } = z.toJSONSchema(schema, { io: 'input', target });
  return { $schema, title, description, ...body };
}
