// The learning core for programs of their own: `import { … } from 'ownsight/vision'`.
export { backward } from './autodiff/backward.ts';
export type { Classifier, ClassifierFit, ClassifierKind, ClassifierSet } from './classify/classifier.ts';
export * as build from './graph/build.ts';
export { evaluate } from './graph/evaluate.ts';
export type { ConstantNode, Graph, InputNode, Node, OpNode } from './graph/graph.ts';
export { apply, constant, graph, input } from './graph/graph.ts';
export { readOnnx } from './graph/onnx-read.ts';
export { writeOnnx } from './graph/onnx-write.ts';
export type { Dtype, Tensor } from './graph/tensor.ts';
export { tensor, tensorOf } from './graph/tensor.ts';
export { ortRuntime } from './runtime/ort.ts';
export { referenceRuntime } from './runtime/reference.ts';
export type { LoadOptions, Port, Runtime, Session } from './runtime/runtime.ts';
