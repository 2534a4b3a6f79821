import { fixedTopics } from '@tandem/schemas';
import { describe, expect, test } from 'vitest';
import { ROLES, accessGrants, type Role } from './grants.ts';
import { kafkaAclsCommand } from './kafka-acls.ts';

const grants = accessGrants({ prefix: 't.', principalPrefix: 'User:x-' });

/** Whether one of the role's grants allows it, in the way that Kafka's authorizer looks at them. */
function may(role: Role, operation: 'read' | 'write', topic: string): boolean {
  return grants.some(({ principal, resource, name, pattern, operations }) =>
    principal === `User:x-${role}` && resource === 'topic' && (operations.includes(operation) || operations.includes('all')) &&
    (pattern === 'literal' ? name === topic : topic.startsWith(name)));
}

describe('the rights of each role', () => {
  test.each([
    ['classifier', 'read', 'requests'], ['classifier', 'write', 'tasks'], ['classifier', 'write', 'dead-letters'],
    ['scheduler', 'write', 'work.any.fp32'], ['scheduler', 'write', 'bulk.any.fp32.pool'], ['worker', 'read', 'work.any.fp32'],
    ['worker', 'write', 'telemetry'], ['fusion', 'write', 'responses'], ['fusion', 'read', 'responses'], ['fusion', 'read', 'interactions'],
    ['backfill', 'write', 'requests.bulk'], ['backfill', 'read', 'responses'], ['operator', 'write', 'models'],
    ['gateway', 'write', 'requests'], ['gateway', 'write', 'interactions'], ['gateway', 'read', 'replies'], ['gateway', 'read', 'responses'], ['gateway', 'read', 'telemetry'],
    ['fusion', 'write', 'replies'], ['producer', 'write', 'requests'], ['consumer', 'read', 'responses'], ['gateway', 'write', 'control'], ['gateway', 'read', 'work.any.fp32'], ['worker', 'read', 'control'],
  ] as const)('%s may %s %s', (role, operation, topic) => expect(may(role, operation, `t.${topic}`)).toBe(true));

  test.each([
    ['classifier', 'write', 'responses'], ['classifier', 'write', 'requests'], ['classifier', 'read', 'responses'],
    ['scheduler', 'write', 'responses'], ['scheduler', 'read', 'requests'], ['worker', 'write', 'work.any.fp32'],
    ['worker', 'write', 'responses'], ['worker', 'read', 'requests'], ['fusion', 'write', 'tasks'], ['fusion', 'read', 'requests'],
    ['backfill', 'write', 'requests'], ['backfill', 'write', 'responses'], ['producer', 'read', 'responses'], ['producer', 'write', 'tasks'],
    ['gateway', 'write', 'replies'], ['gateway', 'write', 'responses'], ['gateway', 'write', 'requests.bulk'],
    ['consumer', 'write', 'responses'], ['consumer', 'read', 'requests'], ['worker', 'write', 'control'], ['producer', 'write', 'control'], ['gateway', 'write', 'tasks'],
  ] as const)('%s may not %s %s', (role, operation, topic) => expect(may(role, operation, `t.${topic}`)).toBe(false));

  test('each topic is written by as many roles as the topology names', () => {
    for (const { name } of fixedTopics({ prefix: 't.', partitions: 1 })) expect(ROLES.filter((role) => may(role, 'write', name)).length).toBeGreaterThan(0);
    expect(ROLES.filter((role) => may(role, 'write', 't.responses'))).toEqual(['fusion', 'operator']);
    expect(ROLES.filter((role) => may(role, 'write', 't.work.a.b'))).toEqual(['scheduler', 'operator']);
  });

  test('nothing reaches beyond the prefix', () => {
    expect(grants.every(({ name }) => name.startsWith('t.'))).toBe(true);
  });

  test('without a prefix all names are meant', () => {
    const wide = accessGrants({ prefix: '', principalPrefix: 'User:' });
    expect(wide.every(({ name }) => name !== '')).toBe(true);
  });
});

test('a grant is a command of Kafka’s tool, whose arguments a shell takes as they are', () => {
  const command = kafkaAclsCommand({ principal: "User:O'Neill; rm -rf", resource: 'topic', name: 't.work.', pattern: 'prefixed', operations: ['write'] }, 'kafka:9092');
  expect(command).toBe(
    "kafka-acls.sh --bootstrap-server 'kafka:9092' --command-config admin.properties --add --allow-principal 'User:O'\\''Neill; rm -rf' " +
    "--operation Write --topic 't.work.' --resource-pattern-type prefixed",
  );
});
