import kafkajs from 'kafkajs';
import { TandemError } from '../../errors/index.ts';
import type { AccessGrant } from '../access.ts';
import { OPERATIONS, RESOURCES } from './acl-codes.ts';
import { AdminClient } from './admin-client.ts';
import { createClient } from './client.ts';
import { isBrokerError } from './failures.ts';
import { resolveKafkaLogOptions, type KafkaLogOptions } from './options.ts';
import { Sockets } from './sockets.ts';

const { AclPermissionTypes, ResourcePatternTypes } = kafkajs;

/**
 * Adds entries to the cluster's access control lists; those that are there already stay as they are.
 * @throws {TandemError} `acls_disabled` when the brokers have no authorizer; `kafka_not_authorized`, `kafka_unreachable`
 */
export async function grantKafkaAccess(options: KafkaLogOptions, grants: readonly AccessGrant[]): Promise<void> {
  const resolved = resolveKafkaLogOptions(options);
  const sockets = new Sockets();
  const client = new AdminClient(createClient(resolved, sockets), resolved);
  const isDisabled = (error: unknown): boolean => isBrokerError(error, 'SECURITY_DISABLED');
  try {
    await client.run((admin) => admin.createAcls({ acl: grants.flatMap(entries) }), isDisabled);
  } catch (error) {
    if (!isDisabled(error)) throw error;
    throw new TandemError('the brokers have no authorizer, so nothing is forbidden and nothing can be granted: set authorizer.class.name on them first', { code: 'acls_disabled', cause: error });
  } finally {
    await client.close();
    sockets.close();
  }
}

function entries({ principal, resource, name, pattern, operations }: AccessGrant) {
  return operations.map((operation) => ({
    principal,
    host: '*',
    operation: OPERATIONS[operation],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: RESOURCES[resource],
    resourceName: name,
    resourcePatternType: pattern === 'prefixed' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  }));
}
