import { TandemError } from '@tandem/shared/errors';
import { listKafkaAccess, type AccessGrant } from '@tandem/shared/log';
import { accessGrants } from '../../compose/access/grants.ts';
import { kafkaAclsCommand } from '../../compose/access/kafka-acls.ts';
import { shellQuoted } from '../../shell-flags.ts';
import { failed, ok, warning, type Finding } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const NAMED = 3;

function covers(given: AccessGrant, wanted: AccessGrant, operation: AccessGrant['operations'][number]): boolean {
  const isForIt = given.name === '*' || (given.pattern === 'literal' ? wanted.pattern === 'literal' && given.name === wanted.name : wanted.name.startsWith(given.name));
  const isFor = given.principal === wanted.principal || given.principal === 'User:*';
  return isFor && given.resource === wanted.resource && isForIt && given.operations.some((each) => each === operation || each === 'all');
}

/** The rights that are wanted and not given, each with the operations that lack. */
export function missingGrants(wanted: readonly AccessGrant[], given: readonly AccessGrant[]): AccessGrant[] {
  return wanted.flatMap((grant) => {
    const operations = grant.operations.filter((operation) => !given.some((each) => covers(each, grant, operation)));
    return operations.length === 0 ? [] : [{ ...grant, operations }];
  });
}

function missingFinding(missing: readonly AccessGrant[], flags: string, server: string, principalPrefix: string): Finding {
  const list = missing.slice(0, NAMED).map(({ principal, operations, resource, name }) => `${principal} may not ${operations.join(', ')} ${resource} ${name}`);
  const rest = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
  const [first] = missing;
  const all = `npx tandem topics acls --apply${flags} --principal-prefix ${shellQuoted(principalPrefix)}`;
  const mend = missing.length === 1 && first !== undefined ? kafkaAclsCommand(first, server) : all;
  return failed('acl_missing', `${list.join('; ')}${rest}`, mend);
}

/** The access lists against what each role needs, where the brokers have an authorizer. */
export const accessCheck: Check = {
  name: 'access',
  needs: 'kafka',
  async run(patient) {
    const { settings, options } = patient;
    const { principalPrefix, flags } = options;
    try {
      const given = await listKafkaAccess(patient.kafka(settings.kafka ?? []));
      if (given === undefined) return [ok('the brokers have no authorizer: whoever reaches them may do everything (docs/security.md)')];
      const missing = missingGrants(accessGrants({ prefix: settings.prefix, principalPrefix }), given);
      if (missing.length > 0) return [missingFinding(missing, flags, settings.kafka?.join(',') ?? '', principalPrefix)];
      return [ok(`every role's user (${principalPrefix}*) has the rights that it needs`)];
    } catch (error) {
      if (!(error instanceof TandemError) || error.code !== 'kafka_not_authorized') throw error;
      return [warning('acl_hidden', 'this user may not see the access lists', 'run tandem doctor as a user that may describe the cluster (--kafka-username)')];
    }
  },
};
