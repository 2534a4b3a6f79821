import { flagName, secrecyOf, settingNames } from '@tandem/shared/config';

/** The given settings as they would be written on a command line again, for advice; what may hold a secret is left out. */
export function givenFlags(options: Record<string, unknown>): string {
  const given = settingNames.filter((name) => secrecyOf(name) === undefined && typeof options[name] === 'string');
  return given.map((name) => ` --${flagName(name)} ${shellQuoted(options[name] as string)}`).join('');
}

/** For a shell: plain words as they are, everything else between quotes. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
