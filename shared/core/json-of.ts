/**
 * The JSON of a record whose writer is trusted, but not to be the only one on its topic. Records of senders are read by
 * `readRequest` and `readInteraction`, which say what is wrong.
 * @returns undefined: there is no value, or it is not JSON
 */
export function jsonOf(value: Buffer | null): unknown {
  if (value === null) return undefined;
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}
