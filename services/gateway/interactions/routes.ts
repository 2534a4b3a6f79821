import type { FastifyInstance } from 'fastify';
import { epochMillisSchema, interactionSchema, topicName } from '@tandem/schemas';
import { z } from 'zod';
import type { GatewayContext } from '../context.ts';
import { documented } from '../openapi/json-schema.ts';
import { problemResponse } from '../openapi/problem-schema.ts';
import { describeIssues } from '../problems/describe-issues.ts';
import { Problem } from '../problems/problem.ts';

const MOST = 1_000;

const oneSchema = interactionSchema.extend({ time: epochMillisSchema.optional().describe('epoch ms; now where absent') });
const bodySchema = z.union([oneSchema, z.array(oneSchema).min(1).max(MOST)]);

const documentation = {
  summary: 'What users did',
  description: `One interaction, or up to ${MOST}. Answered when they are durable; requests without a history use them.`,
  tags: ['interactions'],
  body: { ...documented(bodySchema), examples: [[{ userId: '42', itemId: '260' }]] },
  response: {
    202: { description: 'Written', content: { 'application/json': { schema: { type: 'object', properties: { accepted: { type: 'integer' } }, required: ['accepted'] } } } },
    default: problemResponse,
  },
} as const;

/** `POST /v1/interactions` */
export function addInteractionRoute(fastify: FastifyInstance, { producer, settings, clock }: GatewayContext): void {
  fastify.post('/v1/interactions', { config: { scope: 'send' }, schema: documentation }, async (request, reply) => {
    const parsed = (Array.isArray(request.body) ? z.array(oneSchema).min(1).max(MOST) : oneSchema).safeParse(request.body);
    if (!parsed.success) throw new Problem('invalid_interaction', { detail: describeIssues(parsed.error) });
    const interactions = Array.isArray(parsed.data) ? parsed.data : [parsed.data];
    const topic = topicName(settings.prefix, 'interactions');
    const now = clock.now();
    const sent = producer.send(interactions.map((interaction) => ({ topic, key: interaction.userId, value: JSON.stringify({ time: now, ...interaction }) })));
    await within(sent, settings.gatewayMaxWaitMs);
    return reply.code(202).send({ accepted: interactions.length });
  });
}

/** @throws {Problem} `log_unavailable` */
async function within(sent: Promise<void>, waitMs: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Problem('log_unavailable', { detail: 'They could not be written to the log in time; they may still be.', retryAfterSeconds: 1 })), waitMs);
  await Promise.race([sent, late.promise]).finally(() => clearTimeout(timer));
}
