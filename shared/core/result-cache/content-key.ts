import { sameContent } from './same-content.ts';

/** What a result depends on, all of it, with a hash of it. */
export interface ContentKey {
  readonly hash: number;
  /** A JSON value that nobody changes any more. */
  readonly content: unknown;
  /** The part of it that is this request's own: what keeping it takes. @default all of it */
  readonly own?: unknown;
}

export function sameKey(one: ContentKey, other: ContentKey): boolean {
  return one.hash === other.hash && sameContent(one.content, other.content);
}
