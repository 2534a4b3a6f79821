export type { Dimensions, InferenceEngine, Invocation, InvocationResult, LoadedVariant, TensorData, TensorView } from './types.ts';
