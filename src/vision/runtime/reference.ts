import { evaluate } from '../graph/evaluate.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import type { Runtime } from './runtime.ts';
import { checkFeeds } from './runtime.ts';

/** The runtime that computes by definition: slow, in plain TypeScript, what every other runtime is measured against. */
export function referenceRuntime(): Runtime {
  return {
    async load(model) {
      const graph = readOnnx(model);
      return {
        inputs: graph.inputs,
        outputs: Object.keys(graph.outputs),
        async run(feeds) {
          checkFeeds(graph.inputs, feeds);
          return evaluate(graph, feeds);
        },
        async close() {},
      };
    },
  };
}
