import { STAGE_NAMES, fixedTopics, variantTopics, type TopicSpec } from '@tandem/schemas';
import type { AccessGrant, AccessOperation } from '@tandem/shared/log';

/** Everybody who has to do with the topics, each with a user of its own. */
export const ROLES = [...STAGE_NAMES, 'gateway', 'backfill', 'operator', 'producer', 'consumer'] as const;
export type Role = (typeof ROLES)[number];

/** As schemas/topology.ts calls them. */
const WHO: Readonly<Record<string, readonly Role[]>> = {
  'your producers': ['producer', 'gateway'],
  'your consumers': ['consumer', 'gateway'],
  backfills: ['backfill'],
  operators: ['operator'],
  'every stage': STAGE_NAMES,
};

/** Reads beside those of the flow: fusion looks up what it has answered and what came of it, a gateway looks at the load, a backfill waits for answers and replays requests. */
const LOOKS_UP: readonly (readonly [topic: string, roles: readonly Role[]])[] = [
  ['responses', ['fusion', 'backfill']],
  ['requests', ['backfill', 'gateway']],
  // What users did next judges its answers.
  ['interactions', ['fusion']],
  // The dashboard's figures, and where it looks to explain a request.
  ...['telemetry', 'interactions', 'control', 'audit', 'dead-letters', 'tasks', 'outcomes', 'work.', 'bulk.'].map((topic) => [topic, ['gateway']] as const),
];

export interface AccessOptions {
  /** Of topics and groups. */
  prefix: string;
  /** A role's user is this and the role's name. */
  principalPrefix: string;
}

type Grant = Omit<AccessGrant, 'principal'>;

/** What each role needs, and nothing else: from the producers and consumers that the topology names. */
export function accessGrants({ prefix, principalPrefix }: AccessOptions): AccessGrant[] {
  return ROLES.flatMap((role) => grantsOf(role, prefix).map((grant) => ({ principal: principalPrefix + role, ...grant })));
}

function grantsOf(role: Role, prefix: string): Grant[] {
  if (role === 'operator') return [everything('topic', prefix), everything('group', prefix), everything('transactional-id', prefix)];
  return [...topicGrants(role, prefix), ...groupGrants(role, prefix)];
}

function topicGrants(role: Role, prefix: string): Grant[] {
  const topics = topicsByPattern(prefix);
  const reads = LOOKS_UP.flatMap(([topic, roles]) => (roles.includes(role) ? [prefix + topic] : []));
  const grants = [...topics].flatMap(([name, { spec, pattern }]): Grant[] => {
    const operations: AccessOperation[] = [];
    if (rolesIn(spec.consumer).includes(role) || reads.includes(name)) operations.push('read');
    if (rolesIn(spec.producer).includes(role)) operations.push('write');
    return operations.length === 0 ? [] : [{ resource: 'topic', name, pattern, operations }];
  });
  // Stages compare all topics with their specification when they start.
  return isOurs(role) ? [...grants, { resource: 'topic', ...allOf(prefix), operations: ['describe', 'describe-configs'] }] : grants;
}

/** A stage’s consumer groups begin with its name; who reads without sharing needs none. */
function groupGrants(role: Role, prefix: string): Grant[] {
  // The dashboard shows who runs and who is behind.
  if (role === 'gateway') return [{ resource: 'group', ...allOf(prefix), operations: ['describe'] }];
  if (!(STAGE_NAMES as readonly Role[]).includes(role)) return [];
  const groups: Grant[] = [{ resource: 'group', ...allOf(prefix + role), operations: ['read'] }];
  // Exactly once: one writer for each partition.
  return role === 'fusion' ? [...groups, { resource: 'transactional-id', ...allOf(prefix), operations: ['describe', 'write'] }] : groups;
}

interface NamedTopics {
  spec: TopicSpec;
  pattern: AccessGrant['pattern'];
}

/** Topics by name; those of variants, which come and go, by the beginning of theirs. */
function topicsByPattern(prefix: string): Map<string, NamedTopics> {
  const topology = { prefix, partitions: 1 };
  const topics = new Map<string, NamedTopics>(fixedTopics(topology).map((spec) => [spec.name, { spec, pattern: 'literal' }]));
  const variant = { model: 'any', precision: 'any' };
  for (const spec of variantTopics(topology, [variant])) {
    topics.set(spec.name.slice(0, -`${variant.model}.${variant.precision}`.length), { spec, pattern: 'prefixed' });
  }
  return topics;
}

function rolesIn(names: string): readonly Role[] {
  return names.split(', ').flatMap((name) => WHO[name] ?? [name as Role]);
}

function isOurs(role: Role): boolean {
  return role !== 'producer' && role !== 'consumer';
}

function everything(resource: AccessGrant['resource'], prefix: string): Grant {
  return { resource, ...allOf(prefix), operations: ['all'] };
}

function allOf(beginning: string): Pick<AccessGrant, 'name' | 'pattern'> {
  return beginning === '' ? { name: '*', pattern: 'literal' } : { name: beginning, pattern: 'prefixed' };
}
