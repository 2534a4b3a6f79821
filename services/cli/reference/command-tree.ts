import type { Command, Option } from 'commander';
import { flagName, settingNames, settingsSchema, type SettingName } from '@tandem/shared/config';

/** A command and where it stands, for completion and documentation. */
export interface CommandNode {
  /** `tandem topics list` */
  path: string;
  command: Command;
  /** Of it, not of the settings. */
  ownOptions: readonly Option[];
  settings: readonly SettingName[];
  children: readonly CommandNode[];
}

const SETTING_OF_FLAG: ReadonlyMap<string, SettingName> = new Map(settingNames.map((name) => [`--${flagName(name)}`, name]));

export function commandTree(command: Command, parent = ''): CommandNode {
  const path = parent === '' ? command.name() : `${parent} ${command.name()}`;
  const visible = command.options.filter(({ hidden }) => !hidden);
  return {
    path,
    command,
    ownOptions: visible.filter((option) => settingOf(option) === undefined),
    settings: visible.flatMap((option) => settingOf(option) ?? []),
    children: command.commands.map((child) => commandTree(child, path)),
  };
}

/** The command and all below it, each before its children. */
export function flattened(node: CommandNode): CommandNode[] {
  return [node, ...node.children.flatMap(flattened)];
}

export function settingOf({ long, description }: Option): SettingName | undefined {
  const name = SETTING_OF_FLAG.get(long ?? '');
  // A command may have an option of its own with a setting's name; a setting names its variable.
  return name !== undefined && description.includes('[TANDEM_') ? name : undefined;
}

/** The values that a setting or an option may have, where they are a closed list. */
export function valuesOf(option: Option): readonly string[] {
  if (option.argChoices !== undefined) return option.argChoices;
  const name = settingOf(option);
  return name === undefined ? [] : enumOf(settingsSchema.shape[name]);
}

function enumOf(schema: unknown): readonly string[] {
  const { options, def } = schema as { options?: unknown; def?: { innerType?: unknown } };
  if (Array.isArray(options)) return options.filter((value): value is string => typeof value === 'string');
  return def?.innerType === undefined ? [] : enumOf(def.innerType);
}
