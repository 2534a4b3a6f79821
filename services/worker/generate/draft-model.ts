import { choose, nextItems, uniformAt, type Draft, type Listing } from '@tandem/shared/core';
import type { LoadedVariant } from '@tandem/shared/engine';
import type { SlateSequence } from './slate.ts';

export interface DraftModelOptions {
  loaded: LoadedVariant;
  graph: string;
  /** Items that are proposed for a sequence at most. */
  ahead: number;
}

interface Row {
  sequence: SlateSequence;
  drafts: Draft[];
  /** How many it can use. */
  wanted: number;
}

/** The small model, item after item, on the history with what it has proposed: one batch of all sequences for each place. */
export class DraftModel {
  readonly #options: DraftModelOptions;

  constructor(options: DraftModelOptions) {
    this.#options = options;
  }

  /** @throws {TandemError} of the engine */
  async propose(sequences: readonly SlateSequence[]): Promise<{ drafts: Draft[][]; computeMs: number }> {
    const rows = sequences.map((sequence): Row => ({ sequence, drafts: [], wanted: Math.min(this.#options.ahead, sequence.left - 1) }));
    let computeMs = 0;
    for (let place = 0; place < this.#options.ahead; place += 1) {
      const active = rows.filter(({ wanted }) => wanted > place);
      if (active.length === 0) break;
      computeMs += await this.#proposeNext(active);
    }
    return { drafts: rows.map(({ drafts }) => drafts), computeMs };
  }

  async #proposeNext(rows: readonly Row[]): Promise<number> {
    const { loaded, graph } = this.#options;
    const length = Math.max(...rows.map((row) => tokensOf(row).length));
    const excluded = Math.max(1, ...rows.map(({ sequence }) => sequence.asked.payload.start.older.length));
    const invocation = await loaded.prepare(graph, { batch: rows.length, length, excluded });
    try {
      const { history, exclude } = invocation.inputs;
      rows.forEach((row, index) => {
        history!.data.set(tokensOf(row), index * length);
        exclude!.data.set(row.sequence.asked.payload.start.older, index * excluded);
      });
      const { outputs, computeMs } = await invocation.run();
      const listed = outputs['items']!.dims[1] ?? 0;
      const listing = (index: number): Listing => ({
        items: outputs['items']!.data.subarray(index * listed, (index + 1) * listed), scores: outputs['scores']!.data.subarray(index * listed, (index + 1) * listed),
      });
      rows.forEach((row, index) => row.drafts.push(drawn(row, listing(index))));
      return computeMs;
    } finally {
      invocation.release();
    }
  }
}

function tokensOf({ sequence, drafts }: Row): number[] {
  return [...sequence.tokens, ...drafts.map(({ item }) => item)];
}

function drawn({ sequence, drafts }: Row, listing: Listing): Draft {
  const { start: { sampling }, chosen } = sequence.asked.payload;
  const from = nextItems(listing, new Set([...chosen, ...drafts].map(({ item }) => item)), sampling);
  return { item: choose(from, uniformAt(sampling.seed, chosen.length + drafts.length, 'draft')).item, from };
}
