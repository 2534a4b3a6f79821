import { afterEach, expect, test, vi } from 'vitest';
import type { Intake } from './index.ts';
import { IntakeHolds } from './intake-holds.ts';
import { cleanUp, harness, textOf } from './testing.ts';

afterEach(cleanUp);

function holds() {
  const paused = new Set<string>();
  const consumer = {
    pause: (topics: readonly string[] = []) => topics.forEach((topic) => paused.add(topic)),
    resume: (topics: readonly string[] = []) => topics.forEach((topic) => paused.delete(topic)),
  };
  return { paused: () => [...paused].toSorted(), holds: new IntakeHolds(() => [consumer]) };
}

test('a topic is delivered while neither the stage nor an operator holds it', () => {
  const { holds: intake, paused } = holds();
  intake.pause(['a']);
  intake.hold(['a', 'b']);
  intake.resume(['a']);
  expect(paused()).toEqual(['a', 'b']);
  intake.hold(['b']);
  expect(paused()).toEqual(['b']);
  intake.pause(['b']);
  intake.hold([]);
  expect(paused()).toEqual(['b']);
  intake.resume(['b']);
  expect(paused()).toEqual([]);
});

test('what is held back waits in the log, also when the stage resumes it, and is handled afterwards', async () => {
  const seen: string[] = [];
  let intake: Intake | undefined;
  const inputs = [{ group: 'g', topics: ['t.requests', 't.requests.bulk'] }];
  const { start, send } = await harness((record) => {
    seen.push(textOf(record));
    return [];
  }, { inputs, attach: (given) => void (intake = given) });
  const running = await start({ heldBack: ['t.requests.bulk'] });
  await send(['later'], {}, 'requests.bulk');
  intake?.resume(['t.requests.bulk']);
  await send(['now']);
  await vi.waitFor(() => expect(seen).toEqual(['now']), 10_000);
  running.holdBack([]);
  await vi.waitFor(() => expect(seen).toEqual(['now', 'later']), 10_000);
  running.holdBack(['t.requests']);
  await send(['held']);
  await send(['bulk'], {}, 'requests.bulk');
  await vi.waitFor(() => expect(seen).toEqual(['now', 'later', 'bulk']), 10_000);
});
