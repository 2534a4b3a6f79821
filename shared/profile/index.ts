export { curveOf } from './curve.ts';
export { describeHardware, type HardwareOptions } from './hardware.ts';
export { FULL_GRID, measureVariant, QUICK_GRID, type MeasureOptions, type ProfileGrid } from './measure.ts';
export { profileLoaded, profileVariant, type LoadFacts } from './profiler.ts';
export { loadProfile, profileOf, saveProfile } from './store.ts';
export { profileSchema } from './types.ts';
export type { Hardware, Profile, ProfilePoint, StoredVariantProfile, VariantProfile } from './types.ts';
