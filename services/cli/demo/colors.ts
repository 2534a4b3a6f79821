import picocolors from 'picocolors';

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Colours only where a person looks on, and not against NO_COLOR (https://no-color.org). */
export function colorsFor(stream: { isTTY?: boolean }, environment: Record<string, string | undefined>): Colors {
  const wanted = (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  return picocolors.createColors(stream.isTTY === true && wanted);
}
