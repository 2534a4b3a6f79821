import { join } from 'node:path';
import { TandemError } from '@tandem/shared/errors';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import type { Bench, Findings, Scenario } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { number } from '../harness/format.ts';
import { inRounds } from '../harness/rounds.ts';
import { PEERS } from '../peers/peers.ts';
import { settingCapability } from './capabilities.ts';
import { offerShares, overloadFindings } from './overload.ts';
import { ladderContenders } from './ladder-contenders.ts';
import { tandemLarge } from './usual-contenders.ts';

const SHARES = [0.5, 1, 2, 3];
/** What every peer serves. */
const VARIANT = 'recommend-large.fp32';

/** The same variant, once with nothing that peers have no counterpart to; and the cascade with everything. */
function tandems(folder: string): Contender[] {
  const flags = ['--precision', 'fp32', '--variants', VARIANT];
  const same = tandemLarge({ name: 'Tandem: large fp32, no caches', description: 'the same variant, the whole history recomputed', more: [...flags, '--prefix-cache-mb', '0'] });
  const { flags: together = [], missing } = settingCapability('chain', 'all');
  const chained: Contender = {
    ...tandemLarge({ name: 'Tandem: large fp32, no caches, chained', description: 'the same with all stages in one process', more: [...flags, '--prefix-cache-mb', '0', ...together] }),
    unavailable: missing,
  };
  const whole = ladderContenders({ folder, quick: false }).filter(({ name, unavailable }) => name.startsWith('+') && unavailable === undefined).at(-1);
  return [same, chained, ...(whole === undefined ? [] : [{ ...whole, name: `Tandem: small → large, all steps (${whole.name})` }])];
}

async function chosenPeers({ peers }: Pick<Bench, 'peers'>): Promise<Contender[]> {
  const { variants } = await loadRegistry(join(import.meta.dirname, '../../models'));
  const variant = variants.find((known) => variantName(known) === VARIANT)!;
  return (peers ?? [...PEERS.keys()]).map((name) => {
    const peer = PEERS.get(name);
    if (peer === undefined) throw new TandemError(`--peer ${name}: there are ${[...PEERS.keys()].join(', ')}`, { code: 'usage' });
    return peer(variant);
  });
}

/** Whoever was chosen of them, and Tandem. */
export async function peersContenders(bench: Pick<Bench, 'peers' | 'folder'>): Promise<Contender[]> {
  return [...(await chosenPeers(bench)), ...tandems(bench.folder)];
}

async function run(bench: Bench): Promise<Findings> {
  const contenders = await peersContenders(bench);
  const measured = await inRounds(bench, contenders, (contender) => offerShares(contender, bench, SHARES), ({ capacityPerSecond, runs }) =>
    `${number(capacityPerSecond)}/s; p99 at half ${number(runs[0]!.figures.p99Ms)} ms; at 3× ${number(runs.at(-1)!.figures.goodputPerSecond)}/s`);
  const findings = overloadFindings(measured, SHARES);
  return { ...findings, notes: [`Every peer serves ${VARIANT}: the same file, tensors and answers on the same cores, batching on as its documentation recommends.`, ...findings.notes, ...contenders.map(({ name, description }) => `- **${name}**: ${description}`)] };
}

export const peers: Scenario = { name: 'peers', description: 'other servers and consumers on the same model: goodput, and at 2–3× of it', run };
