import type { Mark, RecommendFeatures, RecommendInput, Variant } from '@tandem/schemas';
import { RecordError } from '../../../errors/index.ts';
import type { PrepareContext, Prepared } from '../types.ts';

/** More than any window: what is older than the window is still excluded from the answer. */
const DEFAULT_HISTORY_LIMIT = 256;
const MOST_DIGITS = 9;
const ZERO = '0'.charCodeAt(0);

/** Features of a request: ids as the catalogue's integers, what the catalogue does not know dropped and marked. */
export function prepareRecommend(input: RecommendInput, { history, options, variants }: PrepareContext): Prepared {
  const catalogueSize = catalogueSizeOf(variants);
  const ids = input.history ?? history?.items ?? [];
  const known = knownItems(ids, catalogueSize);
  const dropped = ids.length - known.length;
  const total = (input.history === undefined ? history?.total ?? 0 : ids.length) - dropped;
  const candidates = input.candidates === undefined ? undefined : knownCandidates(input.candidates, catalogueSize);
  const features: RecommendFeatures = {
    history: newest(known, historyLimit(options)),
    total: Math.max(total, known.length),
    ...candidates?.list,
    limit: input.limit,
  };
  return { features, marks: marksOf(known, dropped + (candidates?.dropped ?? 0)), hasCandidates: candidates?.list !== undefined, length: known.length };
}

function newest(items: number[], most: number): number[] {
  return items.length > most ? items.slice(-most) : items;
}

function marksOf(history: readonly number[], dropped: number): Mark[] {
  const marks: Mark[] = [];
  if (history.length === 0) marks.push('unknown_user');
  if (dropped > 0) marks.push('unknown_items_dropped');
  return marks;
}

interface KnownCandidates {
  /** Undefined: the sender's list was empty, as if there were none. */
  list: { candidates: number[]; candidateScores?: number[] } | undefined;
  dropped: number;
}

/** @throws {RecordError} `unknown_item` where no candidate is known */
function knownCandidates(given: NonNullable<RecommendInput['candidates']>, catalogueSize: number): KnownCandidates {
  if (given.length === 0) return { list: undefined, dropped: 0 };
  const scores = new Map<number, number | undefined>();
  let dropped = 0;
  for (const candidate of given) {
    const { itemId, score } = typeof candidate === 'string' ? { itemId: candidate, score: undefined } : candidate;
    const item = catalogueItem(itemId, catalogueSize);
    if (item === undefined) dropped += 1;
    else if (!scores.has(item)) scores.set(item, score);
  }
  if (scores.size === 0) {
    throw new RecordError('unknown_item', `none of the ${given.length} candidates is in the catalogue; ids are 1 to ${catalogueSize}`);
  }
  const values = [...scores.values()].filter((score) => score !== undefined);
  const candidates = [...scores.keys()];
  return { list: { candidates, ...(values.length === scores.size ? { candidateScores: values } : {}) }, dropped };
}

function knownItems(ids: readonly string[], catalogueSize: number): number[] {
  // Of its length from the start: one that grows is copied three times on its way to a hundred.
  const items = new Array<number>(ids.length);
  let count = 0;
  for (const id of ids) {
    const item = catalogueItem(id, catalogueSize);
    if (item !== undefined) items[count++] = item;
  }
  items.length = count;
  return items;
}

/** Undefined for what is not canonical (`01`, `1e1`) too. Digit by digit: a regular expression takes more than twice as long. */
function catalogueItem(id: string, catalogueSize: number): number | undefined {
  if (id.length > MOST_DIGITS || id.startsWith('0')) return undefined;
  let item = 0;
  for (let index = 0; index < id.length; index += 1) {
    const digit = id.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    item = 10 * item + digit;
  }
  return item >= 1 && item <= catalogueSize ? item : undefined;
}

/** The smallest: an item that one model does not know would index beyond its table. */
function catalogueSizeOf(variants: readonly Variant[]): number {
  return variants.reduce((smallest, { catalogue }) => Math.min(smallest, catalogue?.items ?? smallest), 999_999_999);
}

function historyLimit({ historyLimit: limit }: Readonly<Record<string, unknown>>): number {
  return typeof limit === 'number' && limit >= 1 ? Math.floor(limit) : DEFAULT_HISTORY_LIMIT;
}
