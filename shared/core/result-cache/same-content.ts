/**
 * Whether two JSON values are the same, numbers to the bit (so 0 and −0 differ, as they may to a model). The order of
 * fields does not count.
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
  for (let index = 0; index < one.length; index += 1) {
    const left = one[index];
    const right = other[index];
    if (left === right && left !== 0) continue;
    if (!sameContent(left, right)) return false;
  }
  return true;
}

/** Without lists of names: those took most of the time. */
function sameObject(one: Fields, other: Fields): boolean {
  let surplus = 0;
  for (const name in one) {
    if (!Object.hasOwn(other, name) || !sameContent(one[name], other[name])) return false;
    surplus -= 1;
  }
  for (const _name in other) surplus += 1;
  return surplus === 0;
}
