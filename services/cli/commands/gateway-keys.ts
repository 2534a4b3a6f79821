import { existsSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { DEFAULT_TIER, idSchema } from '@tandem/schemas';
import { addApiKey, readApiKeys, removeApiKey, scopeSchema, type ApiKey, type Scope } from '@tandem/gateway';
import { TandemError } from '@tandem/shared/errors';
import { textTable } from '../table.ts';

const EXAMPLES = `
A key has 256 random bits and is shown once; the file keeps its SHA-256, and only its owner may read it. Running gateways read the file anew
when it changes. Scopes: send (requests, interactions, inference), read (streams, models, dashboard), operate (what changes the system).

Examples:
  tandem gateway keys create --file keys.json --name shop --tenant acme --tier vip
  tandem gateway keys create --file keys.json --name on-call --tenant ops --scopes read,operate --days 90
  tandem gateway keys list --file keys.json
  tandem gateway keys revoke 0f3a5c7e9b1d --file keys.json`;

interface KeyFlags {
  file: string;
  json?: true;
}

interface CreateFlags extends KeyFlags {
  name: string;
  tenant: string;
  tier: string;
  scopes: Scope[];
  rate?: number;
  days?: number;
}

function id(text: string): string {
  const parsed = idSchema.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`it ${parsed.error.issues[0]?.message ?? 'is not valid'}.`);
  return parsed.data;
}

function scopes(text: string): Scope[] {
  return text.split(',').map((part) => {
    const scope = scopeSchema.safeParse(part.trim());
    if (!scope.success) throw new InvalidArgumentError(`some of ${scopeSchema.options.join(', ')}, with commas, are expected.`);
    return scope.data;
  });
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0 is expected.');
  return value;
}

const DAY_MS = 86_400_000;

async function create({ file, json, name, tenant, tier, scopes: granted, rate, days }: CreateFlags): Promise<void> {
  if (name.length > 100) throw new TandemError('--name takes at most 100 characters', { code: 'usage' });
  const { key, entry } = await addApiKey(file, {
    name, tenant, tier, scopes: granted,
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
    ...(days === undefined ? {} : { expiresAt: new Date(Date.now() + days * DAY_MS).toISOString() }),
  });
  if (json === true) return console.log(JSON.stringify({ key, id: entry.id, tenant, tier, scopes: granted, expiresAt: entry.expiresAt ?? null }));
  console.log(key);
  process.stderr.write(`Key ${entry.id} of ${tenant} was added to ${file}. It is shown this once: keep it where secrets are kept.\n`);
}

/** A name that is mistyped is no file without keys. */
function expectFile(file: string): void {
  if (!existsSync(file)) throw new TandemError(`there is no ${file}; tandem gateway keys create --file ${file} makes it`, { code: 'gateway_credentials' });
}

async function list({ file, json }: KeyFlags): Promise<void> {
  expectFile(file);
  const keys = (await readApiKeys(file)).map(({ sha256: _, ...rest }) => rest);
  if (json === true) return console.log(JSON.stringify(keys));
  const row = ({ id: own, name, tenant, tier, scopes: granted, ratePerSecond, createdAt, expiresAt }: Omit<ApiKey, 'sha256'>) =>
    [own, name, tenant, tier, granted.join(','), ratePerSecond ?? 'the tier’s', createdAt.slice(0, 10), expiresAt?.slice(0, 10) ?? 'never'];
  console.log(textTable(['id', 'name', 'tenant', 'tier', 'scopes', 'requests/s', 'made', 'expires'], keys.map(row)));
}

async function revoke(own: string, { file, json }: KeyFlags): Promise<void> {
  expectFile(file);
  const { name, tenant } = await removeApiKey(file, own);
  console.log(json === true ? JSON.stringify({ revoked: own, name, tenant }) : `${own} (${name} of ${tenant}) is not valid any more`);
}

/** `tandem gateway keys …` */
export function addKeysCommand(gateway: Command): void {
  const keys = gateway.command('keys').description('make, list and revoke API keys').addHelpText('after', EXAMPLES);
  const withFile = (command: Command) => command.requiredOption('--file <file>', 'of hashes; made where there is none, and given to --gateway-keys-file').option('--json', 'machine-readable');
  withFile(keys.command('create').description('add a key, and show it once'))
    .requiredOption('--name <text>', 'whose it is, for people and the audit')
    .requiredOption('--tenant <id>', 'on whose behalf it calls', id)
    .option('--tier <id>', 'of its requests', id, DEFAULT_TIER)
    .option('--scopes <list>', 'what it may do', scopes, ['send'] as Scope[])
    .option('--rate <n>', 'requests a second; default: the tier’s', positive)
    .option('--days <n>', 'until it expires; default: never', positive)
    .action(create);
  withFile(keys.command('list').description('the keys, without what is secret')).action(list);
  withFile(keys.command('revoke').description('take a key out').argument('<id>', 'as list shows it')).action(revoke);
}
