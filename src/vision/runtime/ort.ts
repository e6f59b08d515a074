// First, so that it acts before the library is loaded.
import './no-telemetry.ts';

import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { AppError, expected } from '../../base/errors.ts';
import { relu } from '../graph/build.ts';
import { evaluate } from '../graph/evaluate.ts';
import { apply, graph, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import type { Arrays, Dtype, Tensor } from '../graph/tensor.ts';
import { elements, numbersOf, tensor, tensorOf } from '../graph/tensor.ts';
import { blockedForm } from './blocked.ts';
import type { LoadOptions, Port, Runtime, Session } from './runtime.ts';
import { checkFeeds } from './runtime.ts';

const dtypes = new Set<string>(['float64', 'float32', 'float16', 'int64', 'int32', 'uint8', 'bool'] satisfies Dtype[]);

/** Only what is fatal is logged: everything else comes back as an error, and must not be written beside it. */
const fatal = 4;

function port(value: InferenceSession.ValueMetadata): Port {
  if (!value.isTensor || !dtypes.has(value.type)) {
    throw new AppError(
      'BadModel',
      expected('a tensor of a known type', `input ${value.name}`, value.isTensor ? value.type : 'another value'),
    );
  }
  return { name: value.name, dtype: value.type as Dtype, shape: value.shape };
}

/**
 * The tensor as onnxruntime takes it, around the same memory. Its native side does not know Float16Array yet: it is
 * handed the bits as 16-bit integers, which its own constructor would turn back into what it cannot read.
 */
function ortTensor({ dtype, shape, data }: Tensor): OrtTensor {
  if (dtype !== 'float16') return new OrtTensor(dtype as 'float32', data as Float32Array, shape);
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  return { type: dtype, dims: shape, data: bits, size: bits.length, location: 'cpu' } as unknown as OrtTensor;
}

/** Loads a model. @throws AppError `BadModel`. */
async function load(model: Uint8Array, { threads = 1, optimise = true }: LoadOptions = {}): Promise<Session> {
  const session = await InferenceSession.create(model, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    // Planned memory doubles the peak of a training step and makes its second run slow.
    enableMemPattern: false,
    // A thread that waits lets others have its core: where there are others, learning takes a third of the time.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: fatal,
  }).catch((cause: unknown) => {
    throw new AppError('BadModel', 'expected a model that onnxruntime can load', cause);
  });
  const inputs = session.inputMetadata.map(port);
  return {
    inputs,
    outputs: [...session.outputNames],
    async run(feeds) {
      checkFeeds(inputs, feeds);
      const given = Object.entries(feeds).map(([name, value]) => [name, ortTensor(value)] as const);
      const results = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(results).map(([name, value]) => {
          const dtype = value.type as Dtype;
          return [name, tensor(dtype, value.dims, value.data as Arrays[Dtype])];
        }),
      );
    },
    close: () => session.release(),
  };
}

/** Whether this build and processor have onnxruntime's operators for blocks, and they compute what they should. */
let blocks: Promise<boolean> | undefined;

async function hasBlocks(): Promise<boolean> {
  const numbers = (shape: readonly number[]): Tensor =>
    tensorOf(
      'float32',
      shape,
      Float64Array.from({ length: elements(shape) }, (_, i) => Math.sin(i)),
    );
  const [feeds, nodes] = [{}, {}] as [Record<string, Tensor>, Record<string, Node>];
  for (const [name, shape] of Object.entries({ x: [1, 32, 4, 4], weights: [16, 32, 3, 3], bias: [16] })) {
    feeds[name] = numbers(shape);
    nodes[name] = input(name, 'float32', shape);
  }
  const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
  const small = graph({ y: relu(apply('Conv', [nodes.x!, nodes.weights!, nodes.bias!], window)) });
  try {
    const session = await load(writeOnnx(small, {}, blockedForm));
    const [found, wanted] = [(await session.run(feeds)).y!, evaluate(small, feeds).y!];
    await session.close();
    return Array.from(numbersOf(wanted)).every((value, i) => Math.abs(value - (found.data[i] as number)) < 1e-4);
  } catch {
    return false;
  }
}

/**
 * The runtime that does the real work: onnxruntime on the CPU, operators one after the other. With one thread the same
 * model and inputs give the same bits on the same machine. `inBlocks`: whether graphs may be compiled to its operators
 * for blocks; by default where a first try of these comes out right.
 */
export const ortRuntime = (
  inBlocks = (): Promise<boolean> => {
    blocks ??= hasBlocks();
    return blocks;
  },
): Runtime => ({
  load,
  compile: async (graph, options) =>
    load((await inBlocks()) ? writeOnnx(graph, {}, blockedForm) : writeOnnx(graph), options),
});
