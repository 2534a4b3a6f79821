/**
 * Whether two JSON values are the same: the same fields in the same order, numbers to the bit (so 0 and −0 differ, as
 * they may to a model). Rather too strict: who finds two values different computes once too often.
 */
export function sameContent(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one)) return Array.isArray(other) && sameList(one, other);
  return !Array.isArray(other) && sameObject(one as Fields, other as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function sameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (!sameContent(one[index], other[index])) return false;
  return true;
}

function sameObject(one: Fields, other: Fields): boolean {
  const [names, otherNames] = [Object.keys(one), Object.keys(other)];
  if (names.length !== otherNames.length) return false;
  return names.every((name, index) => name === otherNames[index] && sameContent(one[name], other[name]));
}
