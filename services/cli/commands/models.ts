import type { Command } from 'commander';
import { messageOf } from '@tandem/shared/errors';
import { loadRegistry, variantName, verifyVariant } from '@tandem/shared/registry';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { textTable } from '../table.ts';

async function list(options: Record<string, unknown>): Promise<void> {
  const { variants, directory, refused } = await loadRegistry(settingsOf(options).models);
  const lines = await Promise.all(variants.map(async (variant) => ({
    variant: variantName(variant),
    version: variant.version,
    status: variant.status,
    [variant.accuracy.metric]: variant.accuracy.value,
    files: await verifyVariant(variant, directory).then(() => 'verified', messageOf),
  })));
  for (const { message } of refused) console.error(message);
  if (refused.length > 0 || lines.some(({ files }) => files !== 'verified')) process.exitCode = 1;
  if (options['json'] === true) return console.log(JSON.stringify(lines));
  const rows = variants.map(({ accuracy }, index) => {
    const { variant, version, status, files } = lines[index]!;
    return [variant, version, status, `${accuracy.metric} ${accuracy.value}`, files];
  });
  console.log(textTable(['variant', 'version', 'status', 'accuracy', 'files'], rows));
}

export function addModelsCommand(program: Command): void {
  const models = program.command('models').description('the model registry');
  const command = models.command('list').description('every variant, its accuracy, and whether its files have the hashes they should; exit code 1 where one has not').action(list);
  addSettingFlags(command.option('--json', 'machine-readable'), ['models', 'logLevel']);
  models.addHelpText('after', '\nExamples:\n  tandem models list\n  tandem models list --models /srv/models --json');
}
