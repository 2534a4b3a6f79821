export type { Dimensions, InferenceEngine, Invocation, InvocationResult, LoadedVariant, LoadOptions, TensorData, TensorView } from './types.ts';
export { createOnnxEngine, type OnnxEngine } from './onnx/onnx-engine.ts';
export type { GraphOptimization, OnnxEngineOptions } from './onnx/options.ts';
export { parseProvider, type ProviderConfig } from './onnx/provider.ts';
