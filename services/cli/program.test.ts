import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { run } from './program.ts';

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  vi.spyOn(console, 'error').mockImplementation((text: unknown) => void said.push(String(text)));
});
afterEach(() => vi.restoreAllMocks());

async function tandem(...args: string[]): Promise<{ code: number; text: string }> {
  const code = await run(['node', 'tandem', ...args]);
  return { code, text: said.join('') };
}

test.each([
  [['dead-letters', 'show'], 'tandem dead-letters show --help'],
  [['explain'], 'tandem explain --help'],
  [['topics', 'list', '--nonsense'], 'tandem topics list --help'],
  [['nonsense'], 'tandem --help'],
])('who gives too little or too much is told whose help says more: %j', async (args, help) => {
  const { code, text } = await tandem(...args);
  expect(code).toBe(2);
  expect(text).toContain(`(${help} says what it takes)`);
});

test('a stage that does not exist is answered with those that do, and a wrong chain is wrong usage like any other setting', async () => {
  const stage = await tandem('stage', 'nonsense', '--kafka', '127.0.0.1:1');
  expect([stage.code, stage.text]).toEqual([2, expect.stringContaining('one of classifier, scheduler, worker, fusion is expected')]);
  said.length = 0;
  const chain = await tandem('cluster', '--kafka', '127.0.0.1:1', '--chain', 'al');
  expect([chain.code, chain.text]).toEqual([2, expect.stringContaining('there is no stage "al"')]);
});

test('a gateway that could let nobody in says so at once, and waits for no broker first', async () => {
  const { code, text } = await tandem('gateway', '--kafka', '127.0.0.1:1', '--gateway-host', '0.0.0.0');
  expect([code, text]).toEqual([2, expect.stringContaining('tandem gateway keys create --file keys.json')]);
});

test.each([['list'], ['revoke', 'x']])('a file of API keys that is not there is said to be missing, and not to be empty: %j', async (...args) => {
  const { code, text } = await tandem('gateway', 'keys', ...args, '--file', 'typo.json');
  expect([code, text]).toEqual([2, expect.stringContaining('there is no typo.json; tandem gateway keys create --file typo.json makes it')]);
});
