import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { gatherCommits } from './commits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function gathering() {
  const commitOffsets = vi.fn(() => Promise.resolve());
  return { commitOffsets, commitSoon: gatherCommits({ commitOffsets }, 1_000) };
}

test('one commit for all fetches of a second, with the newest offset of each partition', () => {
  const { commitOffsets, commitSoon } = gathering();
  for (let offset = 1; offset <= 500; offset += 1) commitSoon({ topic: 'requests', partition: offset % 2, offset: String(offset) });
  expect(commitOffsets).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(commitOffsets.mock.calls).toEqual([[[{ topic: 'requests', partition: 1, offset: '499' }, { topic: 'requests', partition: 0, offset: '500' }]]]);
});

test('nothing is committed twice, nor where nothing came', () => {
  const { commitOffsets, commitSoon } = gathering();
  vi.advanceTimersByTime(5_000);
  commitSoon({ topic: 'requests', partition: 0, offset: '7' });
  vi.advanceTimersByTime(5_000);
  expect(commitOffsets).toHaveBeenCalledTimes(1);
});

test('a commit that fails ends nothing: the next one goes out', async () => {
  const { commitOffsets, commitSoon } = gathering();
  commitOffsets.mockRejectedValueOnce(new Error('rebalancing'));
  commitSoon({ topic: 'requests', partition: 0, offset: '7' });
  await vi.advanceTimersByTimeAsync(1_000);
  commitSoon({ topic: 'requests', partition: 0, offset: '9' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(commitOffsets).toHaveBeenCalledTimes(2);
});
