import { add, div, exp, max, min, mul, reduceSum, sigmoid, slice, softplus, sub } from '../graph/build.ts';
import type { Node } from '../graph/graph.ts';
import { fixedShape } from '../graph/shapes.ts';
import type { HeadOutput } from './head.ts';

/** Logarithms of distances beyond this, either way, are taken for this. */
const reach = 4;
/** How much more boxes count than labels. */
const boxWeight = 2;
const tiny = 1e-7;

/** What the loss compares with, as nodes of the shapes of `Targets`; the last two are single numbers. */
export interface TargetNodes {
  readonly labels: Node;
  readonly sides: Node;
  readonly positive: Node;
  readonly counted: Node;
  /** 1 / how many cells stand for something, 1 at most. */
  readonly share: Node;
  /** How much the label's score is to say how well the box fits, 0..1. */
  readonly quality: Node;
}

/** The loss, and the node that is not to be differentiated: how well the boxes fit. */
export interface DetectionLoss {
  readonly loss: Node;
  readonly held: readonly Node[];
}

/** Distances [N, 4, P] in strides, from their logarithms. */
export const distances = (sides: Node): Node => exp(max(min(sides, reach), -reach));

const side = (x: Node, at: number): Node => {
  const [n, , p] = fixedShape(x.shape, 'the sides') as readonly [number, number, number];
  return slice(x, [0, at, 0], [n, at + 1, p]);
};

/**
 * Quality focal loss for the labels (Li et al., Generalized focal loss, NeurIPS 2020, eq. 4, beta 2), whose target is how
 * well the box of the cell fits, and GIoU loss for the boxes (Rezatofighi et al., Generalized intersection over union,
 * CVPR 2019, algorithm 2), both divided by the number of cells that stand for something.
 */
export function detectionLoss({ logits, sides }: HeadOutput, targets: TargetNodes): DetectionLoss {
  const [l, t, r, b] = [0, 1, 2, 3].map((at) => side(distances(sides), at)) as [Node, Node, Node, Node];
  const [L, T, R, B] = [0, 1, 2, 3].map((at) => side(targets.sides, at)) as [Node, Node, Node, Node];
  // Both boxes hold the same point: what they share and what holds both need no comparison of corners.
  const shared = mul(add(min(l, L), min(r, R)), add(min(t, T), min(b, B)));
  const both = sub(add(mul(add(l, r), add(t, b)), mul(add(L, R), add(T, B))), shared);
  const around = mul(add(max(l, L), max(r, R)), add(max(t, T), max(b, B)));
  const fit = div(shared, add(both, tiny));
  const giou = sub(fit, div(sub(around, both), add(around, tiny)));
  const boxes = reduceSum(mul(targets.positive, sub(1, giou)));
  // t = label (1 - quality (1 - fit))
  const wanted = mul(targets.labels, sub(1, mul(targets.quality, sub(1, fit))));
  const gap = sub(wanted, sigmoid(logits));
  const entropy = sub(softplus(logits), mul(wanted, logits));
  const labels = reduceSum(mul(targets.counted, mul(mul(gap, gap), entropy)));
  return { loss: mul(add(labels, mul(boxes, boxWeight)), targets.share), held: [wanted] };
}
