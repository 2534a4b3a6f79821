import type { AccessGrant, AccessOperation } from '@tandem/shared/log';

const OPERATIONS: Readonly<Record<AccessOperation, string>> = {
  read: 'Read', write: 'Write', create: 'Create', delete: 'Delete', alter: 'Alter', describe: 'Describe',
  'describe-configs': 'DescribeConfigs', 'alter-configs': 'AlterConfigs', all: 'All',
};

/** For a shell; what is between quotes stands for itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command of Kafka's own tool that adds a grant. */
export function kafkaAclsCommand({ principal, resource, name, pattern, operations }: AccessGrant, bootstrapServer: string): string {
  return [
    'kafka-acls.sh', '--bootstrap-server', quoted(bootstrapServer), '--command-config', 'admin.properties', '--add',
    '--allow-principal', quoted(principal),
    ...operations.flatMap((operation) => ['--operation', OPERATIONS[operation]]),
    `--${resource}`, quoted(name),
    ...(pattern === 'prefixed' ? ['--resource-pattern-type', 'prefixed'] : []),
  ].join(' ');
}
