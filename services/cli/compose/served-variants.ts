import type { Variant } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { variantName } from '@tandem/shared/registry';

/** On a CPU FP16 gains nothing: not loaded unless named. */
const DEFAULT_PRECISIONS: ReadonlySet<string> = new Set(['fp32', 'int8']);

/**
 * What a worker loads: the variants that --variants names, else FP32 and INT8 of every stable model.
 * @throws {TandemError} `settings_invalid` for a name that is not in the registry
 */
export function servedVariants({ variants: names }: Pick<Settings, 'variants'>, variants: readonly Variant[]): Variant[] {
  if (names === undefined) return variants.filter(({ precision }) => DEFAULT_PRECISIONS.has(precision));
  return names.map((name) => {
    const variant = variants.find((known) => variantName(known) === name);
    if (variant !== undefined) return variant;
    const message = `--variants names ${name}; the registry has ${variants.map(variantName).join(', ')}`;
    throw new TandemError(message, { code: 'settings_invalid' });
  });
}
