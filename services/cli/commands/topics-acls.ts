import { InvalidArgumentError, type Command } from 'commander';
import { connectionsOf, type SettingName, type Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { grantKafkaAccess, type AccessGrant } from '@tandem/shared/log';
import { createLogger } from '@tandem/shared/telemetry';
import { ROLES, accessGrants } from '../compose/access/grants.ts';
import { kafkaAclsCommand } from '../compose/access/kafka-acls.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'instance', 'logLevel'];
const DEFAULT_PRINCIPAL_PREFIX = 'User:tandem-';
const EXAMPLES = `
One user for each role: ${ROLES.join(', ')}. Without --apply nothing is changed; admin.properties
is the file with which Kafka's tool logs in as somebody who may change access control lists.

Examples:
  tandem topics acls --principal-prefix User:tandem-
  tandem topics acls --principal-prefix User:CN=tandem- --json
  tandem topics acls --apply --kafka kafka:9093 --kafka-ca ca.pem --kafka-sasl scram-sha-512 --kafka-username admin`;

interface Flags extends Record<string, unknown> {
  principalPrefix: string;
  apply?: true;
  json?: true;
}

function principal(text: string): string {
  if (!/^User:[^\r\n]*$/.test(text)) throw new InvalidArgumentError('as Kafka writes users: User: and the beginning of the name.');
  return text;
}

async function apply(settings: Settings, grants: readonly AccessGrant[]): Promise<void> {
  if (settings.kafka === undefined) throw new TandemError('access control lists are the broker’s: --kafka host:port', { code: 'usage' });
  const { kafka, secrets } = await connectionsOf(settings);
  const logger = createLogger({ level: settings.logLevel, secrets });
  await grantKafkaAccess({ ...kafka, brokers: settings.kafka, clientId: settings.instance, logger }, grants);
}

async function acls(flags: Flags): Promise<void> {
  const settings = settingsOf(flags);
  const grants = accessGrants({ prefix: settings.prefix, principalPrefix: flags.principalPrefix });
  if (flags.apply === true) await apply(settings, grants);
  if (flags.json === true) return console.log(JSON.stringify(grants));
  if (flags.apply === true) return console.log(`granted ${grants.length} rights to ${ROLES.length} users`);
  const server = settings.kafka?.join(',') ?? 'localhost:9092';
  for (const grant of grants) console.log(kafkaAclsCommand(grant, server));
}

export function addAclsCommand(topics: Command): void {
  const command = topics.command('acls')
    .description('print the rights that each stage’s user needs, as commands of Kafka’s own tool, or grant them')
    .option('--principal-prefix <user>', 'each role’s user is this and the role’s name', principal, DEFAULT_PRINCIPAL_PREFIX)
    .option('--apply', 'grant them, as the user of --kafka-username')
    .option('--json', 'machine-readable')
    .action((flags: Flags) => acls(flags))
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}
