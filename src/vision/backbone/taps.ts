import { AppError } from '../../base/errors.ts';
import { flatten } from '../graph/build.ts';
import type { Graph, Node } from '../graph/graph.ts';
import { shapeText } from '../graph/shapes.ts';
import type { Tap } from './registry.ts';

/** The maps among the taps, and how many pixels they are apart. */
const strides = { stride8: 8, stride16: 16, stride32: 32 } as const;
const names: readonly Tap[] = ['stride8', 'stride16', 'stride32', 'features'];

/**
 * What a backbone gives out, found in a network for classification with one input [N, 3, size, size]. A file that names
 * its outputs so is taken at its word. Else a map is the last value of its size that everything after it depends on, and
 * on nothing before it; the features are what the last layer takes, or the output where there is no such layer.
 * @throws AppError `BadBackbone` naming what is missing.
 */
export function tapped(network: Graph): Record<Tap, Node> {
  const { outputs } = network;
  if (names.every((name) => Object.hasOwn(outputs, name))) return outputs as Record<Tap, Node>;
  const waists = waistsOf(network);
  const size = Number(network.inputs[0]!.shape[2]);
  const found: Partial<Record<Tap, Node>> = {};
  for (const [name, stride] of Object.entries(strides) as [keyof typeof strides, number][]) {
    const side = size / stride;
    const map = waists.findLast(({ shape }) => shape.length === 4 && shape[2] === side && shape[3] === side);
    if (map !== undefined) found[name] = map;
  }
  const features = pooled(network, waists);
  if (features !== undefined) found.features = features;
  const missing = names.filter((name) => found[name] === undefined);
  if (missing.length === 0) return found as Record<Tap, Node>;
  const given = Object.entries(outputs).map(([name, { shape }]) => `${name} ${shapeText(shape)}`);
  throw new AppError(
    'BadBackbone',
    `expected a network for classification with maps 8, 16 and 32 pixels apart, none of which a later layer passes by, and one row of features a picture, but found no ${missing.join(', no ')}; its outputs are ${given.join(', ')}`,
  );
}

/** The values that whole networks pass through: what comes later depends on no earlier value but by way of them. */
function waistsOf({ nodes, inputs }: Graph): Node[] {
  const moving = new Set<Node>(inputs);
  const lastUse = new Map<Node, number>();
  nodes.forEach((node, at) => {
    if (node.kind !== 'op' || !node.inputs.some((each) => moving.has(each))) return;
    moving.add(node);
    for (const each of node.inputs) if (moving.has(each)) lastUse.set(each, at);
  });
  const waists: Node[] = [];
  let open = 0;
  nodes.forEach((node, at) => {
    if (!moving.has(node)) return;
    if (open <= at) waists.push(node);
    open = Math.max(open, lastUse.get(node) ?? at);
  });
  return waists;
}

/** Whether a value is one row of numbers a picture. */
const isRow = ({ shape }: Node): boolean =>
  shape.length === 2 || (shape.length === 4 && shape[2] === 1 && shape[3] === 1);

function pooled({ nodes }: Graph, waists: readonly Node[]): Node | undefined {
  const last = nodes.findLast((node) => node.kind === 'op' && (node.op === 'Conv' || node.op === 'MatMul'));
  const taken = last?.kind === 'op' ? last.inputs.find((each) => each.kind !== 'constant') : undefined;
  const row = taken !== undefined && isRow(taken) ? taken : waists.findLast(isRow);
  return row && (row.shape.length === 2 ? row : flatten(row));
}
