const HIDDEN = '(hidden)';
/** `user:password@` and `:password@`, as in addresses; also where there is no scheme in front. */
const CREDENTIALS = /(^|[\s"'(=,]|\/\/)[^\s"'(=,/@:]*:[^\s"',/@][^\s"',]*@(?=[^\s"',/@])/g;
/** Shorter values occur in ordinary text. */
const SHORTEST_SECRET = 4;

/** A text without the credentials of the addresses in it, and without these secrets, as they are and as JSON or an address writes them. */
export function redact(text: string, secrets: readonly string[] = []): string {
  const spellings = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  const shown = [...new Set(spellings)].reduce((rest, spelling) => rest.replaceAll(spelling, HIDDEN), text);
  return shown.replace(CREDENTIALS, `$1${HIDDEN}@`);
}
