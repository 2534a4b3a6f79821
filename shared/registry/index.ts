export { RegistryError, type RegistryErrorCode } from './errors.ts';
export { loadRegistry, type LoadedRegistry } from './load-registry.ts';
export { stableVariants, variantName } from './variants.ts';
export { readVerifiedGraph, verifyVariant } from './verify-graph.ts';
