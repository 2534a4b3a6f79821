/** As on the command line: http-port for httpPort. */
export function flagName(setting: string): string {
  return setting.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}
