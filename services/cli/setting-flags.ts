import { Option, type Command } from 'commander';
import { environmentName, loadSettings, settingsSchema, type SettingName, type Settings } from '@tandem/shared/config';

const kebab = (name: string) => name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

/** What `--help` shows as the value. */
const PLACEHOLDERS: Partial<Record<SettingName, string>> = {
  kafka: 'host:port', redis: 'url', prefix: 'text', models: 'folder', workloads: 'folder', policy: 'name', precision: 'name',
  variants: 'list', pool: 'name', providers: 'list', httpHost: 'host', logLevel: 'level', instance: 'name', otlpEndpoint: 'url',
};

/** Adds a flag for each setting; the help text is the schema's. */
export function addSettingFlags(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const schema = settingsSchema.shape[name];
    const option = new Option(`--${kebab(name)} <${PLACEHOLDERS[name] ?? 'n'}>`, `${schema.description ?? ''} [${environmentName(name)}]`);
    command.addOption(option);
  }
  return command.option('--config <file>', 'YAML or JSON file with settings by name [TANDEM_CONFIG]');
}

/** Flags that are not settings are the command's own and are left out. */
export function settingsOf(options: Record<string, unknown>, over: Record<string, unknown> = {}): Settings {
  const flags = Object.fromEntries(Object.entries(options).filter(([name]) => name in settingsSchema.shape));
  const file = (options['config'] as string | undefined) ?? process.env['TANDEM_CONFIG'];
  return loadSettings({ flags: { ...over, ...flags }, environment: process.env, file });
}
