import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingNames } from '@tandem/shared/config';

const REPOSITORY = join(import.meta.dirname, '../..');
const WORKLOAD = join(REPOSITORY, 'workloads/recommend.json');

/** What a step of the ladder needs: flags of `tandem cluster`, or why this version has none. */
export type Capability = { flags: readonly string[]; missing?: undefined } | { flags?: undefined; missing: string };

/** Settings are looked up by name, so that a ladder can be measured on a version that lacks a step. */
export function settingCapability(name: string, value: string): Capability {
  if (!(settingNames as readonly string[]).includes(name)) return { missing: `this version has no setting ${name}` };
  return { flags: [`--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`, value] };
}

/** A folder with the shipped recommend workload, some of its fields changed. */
export function workloadFolder(folder: string, name: string, over: Readonly<Record<string, unknown>>): string {
  const directory = join(folder, `workloads-${name}`);
  if (!existsSync(directory)) mkdirSync(directory, { recursive: true });
  const workload = JSON.parse(readFileSync(WORKLOAD, 'utf8')) as Record<string, unknown>;
  writeFileSync(join(directory, 'recommend.json'), JSON.stringify({ ...workload, $schema: undefined, ...over }));
  return directory;
}
