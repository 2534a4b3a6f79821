const SHOWN_BYTES = 4_096;

export interface ShownValue {
  encoding: 'utf-8' | 'hex' | 'none';
  text: string;
  /** Of the whole value. */
  bytes: number;
  truncated: boolean;
}

/** A stranger's text without what could steer a terminal: control and invisible characters are written as escapes. */
export function printable(text: string, kept = ''): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, (character) =>
    kept.includes(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A value's text where it is UTF-8, else its bytes; cut off after 4,096 bytes unless all of it is wanted. */
export function shownValue(value: Buffer | null, whole = false): ShownValue {
  if (value === null) return { encoding: 'none', text: '', bytes: 0, truncated: false };
  const bytes = value.byteLength;
  const truncated = !whole && bytes > SHOWN_BYTES;
  const text = textOf(truncated ? value.subarray(0, SHOWN_BYTES) : value, truncated);
  if (text === undefined) return { encoding: 'hex', text: value.subarray(0, truncated ? SHOWN_BYTES / 2 : bytes).toString('hex'), bytes, truncated };
  return { encoding: 'utf-8', text: printable(text, '\n\t'), bytes, truncated };
}

/** Undefined: not UTF-8. A character that the cut went through is left out. */
function textOf(value: Buffer, cut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value, { stream: cut });
  } catch {
    return undefined;
  }
}
