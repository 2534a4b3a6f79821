import { topicName } from '@tandem/schemas';
import { Newest, findLetter, scanLetters, shownValue, whyInVain, type DeadLetter } from '@tandem/shared/dead-letters';
import type { EventLog } from '@tandem/shared/log';

const LISTED = 100;

/** A dead letter as a list shows it. */
export interface LetterLine {
  key: string;
  time: number;
  stage: string;
  code: string;
  message: string;
  attempts: number;
  bytes: number;
  /** Why putting it back would end the same way; null: it may succeed. */
  inVain: string | null;
}

export interface LetterList {
  letters: LetterLine[];
  /** All of the time asked for; the list has the newest. */
  total: number;
}

/** The newest letters, the newest first. @param since epoch ms */
export async function listLetters(log: EventLog, prefix: string, since: number, signal: AbortSignal): Promise<LetterList> {
  const newest = new Newest<LetterLine>(LISTED);
  for await (const letter of scanLetters({ log, topic: topicName(prefix, 'dead-letters'), since, signal })) newest.add(lineOf(letter));
  return { letters: newest.items.toReversed(), total: newest.seen };
}

export interface WholeLetter extends LetterLine {
  sourceKey: string | null;
  headers: Readonly<Record<string, string>>;
  value: ReturnType<typeof shownValue>;
}

export async function showLetter(log: EventLog, prefix: string, key: string): Promise<WholeLetter | undefined> {
  const letter = await findLetter(log, topicName(prefix, 'dead-letters'), key);
  return letter === undefined ? undefined : { ...lineOf(letter), sourceKey: letter.sourceKey, headers: letter.headers, value: shownValue(letter.value) };
}

function lineOf({ key, time, stage, code, message, attempts, value }: DeadLetter): LetterLine {
  return { key, time, stage, code, message, attempts, bytes: value?.byteLength ?? 0, inVain: whyInVain(code) ?? null };
}
