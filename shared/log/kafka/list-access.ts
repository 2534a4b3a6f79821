import kafkajs from 'kafkajs';
import type { AccessGrant, AccessOperation, AccessResource } from '../access.ts';
import { OPERATIONS, RESOURCES } from './acl-codes.ts';
import { AdminClient } from './admin-client.ts';
import { createClient } from './client.ts';
import { isBrokerError } from './failures.ts';
import { resolveKafkaLogOptions, type KafkaLogOptions } from './options.ts';
import { Sockets } from './sockets.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const EVERYTHING = {
  resourceType: AclResourceTypes.ANY, resourcePatternType: ResourcePatternTypes.ANY, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ALLOW,
};

/**
 * What the cluster's access control lists allow, as far as it is in our words; each entry with one operation.
 * @returns undefined: the brokers have no authorizer, so nothing is forbidden
 * @throws {TandemError} `kafka_not_authorized` (only who may describe the cluster sees the lists), `kafka_unreachable`
 */
export async function listKafkaAccess(options: KafkaLogOptions): Promise<AccessGrant[] | undefined> {
  const resolved = resolveKafkaLogOptions(options);
  const sockets = new Sockets();
  const client = new AdminClient(createClient(resolved, sockets), resolved);
  const isDisabled = (error: unknown): boolean => isBrokerError(error, 'SECURITY_DISABLED');
  try {
    const { resources } = await client.run((admin) => admin.describeAcls(EVERYTHING), isDisabled);
    return resources.flatMap(({ resourceType, resourceName: name, resourcePatternType, acls }) => acls.flatMap(({ principal, operation }): AccessGrant[] => {
      const resource = wordOf<AccessResource>(RESOURCES, resourceType);
      const allowed = wordOf<AccessOperation>(OPERATIONS, operation);
      const pattern = Number(resourcePatternType) === Number(ResourcePatternTypes.PREFIXED) ? 'prefixed' : 'literal';
      return resource === undefined || allowed === undefined ? [] : [{ principal, resource, name, pattern, operations: [allowed] }];
    }));
  } catch (error) {
    if (isDisabled(error)) return undefined;
    throw error;
  } finally {
    await client.close();
    sockets.close();
  }
}

function wordOf<Word extends string>(numbers: Readonly<Record<Word, number>>, number: number): Word | undefined {
  return (Object.keys(numbers) as Word[]).find((word) => numbers[word] === number);
}
