import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/processes.ts';
import { peersContenders } from './peers.ts';

const namesOf = async (peers: readonly string[]) => (await peersContenders({ peers, folder: temporaryFolder('tandem-peers-') })).map(({ name }) => name);

test('beside the peers stands Tandem on their variant, with topics between the stages and chained, and the cascade with all steps', async () => {
  expect(await namesOf(['pytriton-reject'])).toEqual([
    'pytriton-reject', 'Tandem: large fp32, no caches', 'Tandem: large fp32, no caches, chained', 'Tandem: small → large, all steps (+ chaining)',
  ]);
});

test('a peer that is not there is told', async () => {
  await expect(namesOf(['nobody'])).rejects.toThrow('--peer nobody: there are');
});
