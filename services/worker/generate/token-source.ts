import { acceptDrafts, choose, nextItems, uniformAt, type ChosenItem, type Draft, type DrawPurpose, type SequenceCall } from '@tandem/shared/core';
import { decode, type DecodeCallOptions, type DecodeRow, type ListingAt } from './decode-call.ts';
import type { DraftModel } from './draft-model.ts';
import type { Slate, SlateSequence } from './slate.ts';

export interface TokenSourceOptions extends DecodeCallOptions {
  /** Proposes items that the large model then judges together; undefined: one item a step. */
  drafts: DraftModel | undefined;
}

export interface NextTokens {
  /** For each sequence of the call, one item at least. */
  chosen: ChosenItem[][];
  /** In the graphs, ms. */
  computeMs: number;
  drafted: number;
  accepted: number;
}

/** The next items of all sequences of a call. @throws as `decode` */
export async function nextTokens(options: TokenSourceOptions, { kind, sequences }: SequenceCall<Slate>): Promise<NextTokens> {
  const proposed = kind === 'step' ? await options.drafts?.propose(sequences) : undefined;
  const drafts = proposed?.drafts ?? sequences.map(() => []);
  const rows = sequences.map((sequence, row) => rowOf(sequence, drafts[row]!));
  const { used: chosen, computeMs } = await decode(options, rows, (listing, row) => chosenOf(sequences[row]!, drafts[row]!, listing));
  const drafted = drafts.reduce((sum, row) => sum + row.length, 0);
  const accepted = chosen.reduce((sum, row) => sum + row.length - 1, 0);
  return { chosen, computeMs: computeMs + (proposed?.computeMs ?? 0), drafted, accepted };
}

function rowOf(sequence: SlateSequence, drafts: readonly Draft[]): DecodeRow {
  const { tokens, cached, blocks } = sequence;
  const added = [...tokens.slice(cached), ...drafts.map(({ item }) => item)];
  return { tokens: added, past: cached, blocks, scored: drafts.length + 1, excluded: [sequence.asked.payload.start.older, tokens] };
}

function chosenOf(sequence: SlateSequence, drafts: readonly Draft[], listing: ListingAt): ChosenItem[] {
  const { start: { sampling }, chosen } = sequence.asked.payload;
  const uniform = (accepted: number, purpose: DrawPurpose) => uniformAt(sampling.seed, chosen.length + accepted, purpose);
  const next = (accepted: number) => nextItems(listing(accepted), takenBy(drafts.slice(0, accepted)), sampling);
  return drafts.length === 0 ? [choose(next(0), uniform(0, 'item'))] : acceptDrafts(drafts, next, uniform);
}

const NOTHING: ReadonlySet<number> = new Set();

/** Not twice in a slate: what was generated before the call is not listed, so only drafts have to be looked at. */
function takenBy(drafts: readonly Draft[]): ReadonlySet<number> {
  return drafts.length === 0 ? NOTHING : new Set(drafts.map(({ item }) => item));
}
