import { readFile } from 'node:fs/promises';
import { TandemError } from '@tandem/shared/errors';

/** One user's events, oldest first; in file order where the seconds tie. */
export interface UserEvents {
  userNumber: number;
  items: Int32Array;
  /** Unix seconds. */
  times: Int32Array;
}

const TAB = 9;
const NEWLINE = 10;
const ZERO = 48;
const NINE = 57;
/** `1\t1\t1\n`: no line is shorter. */
const SHORTEST_LINE_BYTES = 6;

function damaged(path: string, line: number): TandemError {
  return new TandemError(`${path}, line ${line}: expected "user<TAB>item<TAB>seconds". Delete the folder of that file and start again: the data is then fetched anew`, { code: 'data_damaged' });
}

/** Reads numbers out of bytes: a million lines cost tens of milliseconds, where split strings cost a second. */
class NumberReader {
  position = 0;
  line = 1;
  readonly #bytes: Buffer;
  readonly #path: string;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  get atEnd(): boolean {
    return this.position >= this.#bytes.length;
  }

  /** A whole number and the byte that ends it. */
  read(end: number): number {
    const start = this.position;
    let value = 0;
    let byte = this.#bytes[this.position];
    while (byte !== undefined && byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO);
      this.position += 1;
      byte = this.#bytes[this.position];
    }
    const ended = byte === end || (end === NEWLINE && byte === undefined);
    if (this.position === start || !ended) throw damaged(this.#path, this.line);
    this.position += 1;
    if (end === NEWLINE) this.line += 1;
    return value;
  }
}

/**
 * The events of the users that are wanted. `text` has one event a line: user number, item id, Unix seconds,
 * users together and each user's events in order, as tools/fetch_data.py writes them.
 * @param path named in errors
 * @throws {TandemError} `data_damaged`
 */
export function parseInteractions(text: Buffer, path: string, wanted: (userNumber: number) => boolean): UserEvents[] {
  const reader = new NumberReader(text, path);
  const items = new Int32Array(Math.ceil((text.length + 1) / SHORTEST_LINE_BYTES));
  const times = new Int32Array(items.length);
  const spans: { userNumber: number; start: number }[] = [];
  let count = 0;
  while (!reader.atEnd) {
    const userNumber = reader.read(TAB);
    items[count] = reader.read(TAB);
    times[count] = reader.read(NEWLINE);
    if (!wanted(userNumber)) continue;
    if (spans.at(-1)?.userNumber !== userNumber) spans.push({ userNumber, start: count });
    count += 1;
  }
  return spans.map(({ userNumber, start }, index) => {
    const end = spans[index + 1]?.start ?? count;
    // Copies, so that the large arrays above can be freed.
    return { userNumber, items: items.slice(start, end), times: times.slice(start, end) };
  });
}

/** @throws {TandemError} `data_damaged` */
export async function readInteractions(path: string, wanted: (userNumber: number) => boolean): Promise<UserEvents[]> {
  return parseInteractions(await readFile(path), path, wanted);
}
