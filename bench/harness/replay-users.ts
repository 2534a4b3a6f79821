import { TandemError } from '@tandem/shared/errors';
import { seededRandom } from '@tandem/shared/random';
import { fetchDataset } from '../../services/cli/demo/fetch-dataset.ts';
import { readInteractions, type UserEvents } from '../../services/cli/demo/interactions.ts';
import { isHeldOut } from '../../services/cli/demo/replay-plan.ts';

const SYNTHETIC_USERS = 600;
const SYNTHETIC_LENGTH = 166;

/** Items by Zipf's law, without any taste. */
export function syntheticUsers({ seed, catalogueSize }: { seed: number; catalogueSize: number }): UserEvents[] {
  const random = seededRandom(seed, 'synthetic users');
  return Array.from({ length: SYNTHETIC_USERS }, (_, index) => ({
    userNumber: (index + 1) * 10,
    items: Int32Array.from({ length: SYNTHETIC_LENGTH }, () => Math.min(catalogueSize, Math.floor(catalogueSize ** random()))),
    times: new Int32Array(SYNTHETIC_LENGTH),
  }));
}

/** Of MovieLens; undefined, with a notice, where the data cannot be had. */
export async function heldOutUsers(onNotice: (text: string) => void): Promise<UserEvents[] | undefined> {
  try {
    const { interactions } = await fetchDataset({ onNotice });
    return await readInteractions(interactions, isHeldOut);
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    onNotice(`${error.code}: ${error.message}\nGoing on with invented users: no HR@10 and NDCG@10. (--synthetic asks for them without this message.)\n`);
    return undefined;
  }
}
