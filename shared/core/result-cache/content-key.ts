import { sameContent } from './same-content.ts';
import { structuralHash } from './structural-hash.ts';

/** What a result depends on, all of it, with its hash. */
export interface ContentKey {
  readonly hash: number;
  readonly content: unknown;
}

/** @param content a JSON value that nobody changes any more */
export function contentKey(content: unknown, hash: (content: unknown) => number = structuralHash): ContentKey {
  return { hash: hash(content), content };
}

export function sameKey(one: ContentKey, other: ContentKey): boolean {
  return one.hash === other.hash && sameContent(one.content, other.content);
}
