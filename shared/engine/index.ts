export type { Dimensions, InferenceEngine, Invocation, InvocationResult, LoadedVariant, LoadOptions, TensorData, TensorView } from './types.ts';
export { createOnnxEngine, type OnnxEngine } from './onnx/onnx-engine.ts';
export type { GraphOptimization, OnnxEngineOptions } from './onnx/options.ts';
export { parseProvider, type ProviderConfig } from './onnx/provider.ts';
export { describeModel, describeRuntime, type ModelTensors, type RuntimeFacts } from './onnx/describe.ts';
export { checkGolden, goldenCasesOf, loadGolden, runGolden, type Golden, type GoldenCase } from './golden.ts';
