// First, so that it acts before the library is loaded.
import './no-telemetry.ts';

import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { AppError, expected } from '../../base/errors.ts';
import type { Arrays, Dtype, Tensor } from '../graph/tensor.ts';
import { tensor } from '../graph/tensor.ts';
import type { Port, Runtime } from './runtime.ts';
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

/**
 * The runtime that does the real work: onnxruntime on the CPU, operators one after the other. With one thread the same
 * model and inputs give the same bits on the same machine.
 */
export function ortRuntime(): Runtime {
  return {
    async load(model, { threads = 1, optimise = true } = {}) {
      const session = await InferenceSession.create(model, {
        executionProviders: ['cpu'],
        executionMode: 'sequential',
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimise ? 'all' : 'disabled',
        // Planned memory doubles the peak of a training step and makes its second run slow.
        enableMemPattern: false,
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
    },
  };
}
