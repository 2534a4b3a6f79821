export type AccessResource = 'topic' | 'group' | 'transactional-id';

/** What may be done to a resource, in the words of Kafka’s access control lists. */
export type AccessOperation = 'read' | 'write' | 'create' | 'delete' | 'alter' | 'describe' | 'describe-configs' | 'alter-configs' | 'all';

/** What a user may do with a resource, in the words of Kafka's access control lists. */
export interface AccessGrant {
  /** `User:name` */
  principal: string;
  resource: AccessResource;
  /** Of one, or the beginning of the names of many. */
  name: string;
  pattern: 'literal' | 'prefixed';
  operations: readonly AccessOperation[];
}
