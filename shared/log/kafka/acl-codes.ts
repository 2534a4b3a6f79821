import kafkajs from 'kafkajs';
import type { AccessOperation, AccessResource } from '../access.ts';

const { AclOperationTypes, AclResourceTypes } = kafkajs;

/** Kafka's numbers of our words. */
export const RESOURCES: Readonly<Record<AccessResource, number>> = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
};

export const OPERATIONS: Readonly<Record<AccessOperation, number>> = {
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  create: AclOperationTypes.CREATE,
  delete: AclOperationTypes.DELETE,
  alter: AclOperationTypes.ALTER,
  describe: AclOperationTypes.DESCRIBE,
  'describe-configs': AclOperationTypes.DESCRIBE_CONFIGS,
  'alter-configs': AclOperationTypes.ALTER_CONFIGS,
  all: AclOperationTypes.ALL,
};
