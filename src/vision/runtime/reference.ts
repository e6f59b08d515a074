import { evaluate } from '../graph/evaluate.ts';
import type { Graph } from '../graph/graph.ts';
import { readOnnx } from '../graph/onnx-read.ts';
import type { Runtime, Session } from './runtime.ts';
import { checkFeeds } from './runtime.ts';

/** The runtime that computes by definition: slow, in plain TypeScript, what every other runtime is measured against. */
export function referenceRuntime(): Runtime {
  const compile = async (graph: Graph): Promise<Session> => ({
    inputs: graph.inputs,
    outputs: Object.keys(graph.outputs),
    async run(feeds) {
      checkFeeds(graph.inputs, feeds);
      return evaluate(graph, feeds);
    },
    async close() {},
  });
  return { load: async (model) => compile(readOnnx(model)), compile };
}
