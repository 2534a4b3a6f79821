/** Values kept of one owner: the cache is not for one user to fill. */
export const MAX_OWNED = 1_000;

/** Of what belongs to an owner: the list of his values has to live as long as they do. */
export const OWNED_TTL_MS = 7 * 86_400_000;
