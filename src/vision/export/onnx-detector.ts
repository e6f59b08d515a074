import { AppError, expected } from '../../base/errors.ts';
import { cellsOf } from '../detect/cells.ts';
import { candidates, decode, leastScore, suppression } from '../detect/decode.ts';
import type { Detector } from '../detect/detector.ts';
import { distances } from '../detect/loss.ts';
import { answers, type DetectorBody } from '../detect/network.ts';
import type { ReadyDetector } from '../detect/run.ts';
import { add, concat, div, gather, gatherAt, max, min, mul, reshape, slice, sub, transpose } from '../graph/build.ts';
import { apply, constant, type Graph, graph, input, type Node } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { rewrite } from '../graph/rewrite.ts';
import { numbersOf, tensorOf } from '../graph/tensor.ts';
import { type Found, overlap } from '../image/box.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ExportedModel, OnnxFlavor } from './exporter.ts';
import { halfPrecision } from './float16.ts';
import { detectorMetadata, detectorPixels } from './metadata.ts';
import { testPictures } from './test-vectors.ts';

/** Names that programs written for Azure's exports look for. */
const inputName = 'image_tensor';
const outputNames = { boxes: 'detected_boxes', classes: 'detected_classes', scores: 'detected_scores' } as const;
const modelFileName = 'model.onnx';

/** How far scores may be from the server's own. */
const tolerance: Readonly<Record<OnnxFlavor, number>> = { float32: 1e-4, float16: 2e-2 };

/**
 * The whole way from pixels to boxes as one graph. Input `image_tensor` [1, 3, size, size], planes of red, green and blue,
 * 0..255. Outputs: `detected_boxes` [1, n, 4] (left, top, right, bottom, 0..1), `detected_classes` int64 [1, n],
 * `detected_scores` [1, n]; and, with `inner`, what all cells say: `scores` and `sides`.
 */
function detectorGraph(
  body: DetectorBody,
  { classes, size, weights }: Detector,
  flavor: OnnxFlavor,
  inner: boolean,
): Graph {
  const fixed = Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, constant(value)]));
  const pixels = input(inputName, 'float32', [1, 3, size, size]);
  const picture = sub(div(pixels, 127.5), 1);
  const said = rewrite(graph(answers(body.maps(fixed), fixed)), (leaf) => (leaf === body.picture ? picture : leaf));
  const [scores, sides] = [said.scores!, said.sides!];
  const whole = graph({ ...foundNodes(scores, sides, classes, size), ...(inner && { scores, sides }) });
  return flavor === 'float16' ? halfPrecision(whole) : whole;
}

/** Boxes, labels and scores of what is found, from scores [1, C, P] and the logarithms of distances [1, 4, P]. */
function foundNodes(scores: Node, sides: Node, classes: number, size: number): Record<string, Node> {
  const cells = cellsOf(size);
  const { count } = cells;
  const row = (values: Float32Array): Node =>
    constant(
      tensorOf(
        'float32',
        [1, 1, count],
        values.map((value) => value / size),
      ),
    );
  const away = mul(distances(sides), row(cells.stride));
  const side = (at: number): Node => slice(away, [0, at, 0], [1, at + 1, count]);
  const [x, y] = [row(cells.x), row(cells.y)];
  const edges = [sub(x, side(0)), sub(y, side(1)), add(x, side(2)), add(y, side(3))];
  const corners = transpose(min(max(concat(edges, 1), 0), 1), [0, 2, 1]);
  // Runtimes have this operator in single precision only.
  const single = (node: Node): Node => apply('Cast', [node], { to: 'float32' });
  const found = apply('NonMaxSuppression', [single(corners), single(scores)], {
    most: suppression.most,
    overlap: suppression.overlap,
    leastScore,
  });
  const column = (at: number): Node => gather(found, constant(tensorOf('int64', [], [at])), 1);
  const [label, place] = [column(1), column(2)];
  const many = found.shape[0]!;
  const pair = concat([reshape(label, [many, 1]), reshape(place, [many, 1])], 1);
  return {
    [outputNames.boxes]: reshape(gather(reshape(corners, [count, 4]), place, 0), [1, many, 4]),
    [outputNames.classes]: reshape(label, [1, many]),
    [outputNames.scores]: reshape(gatherAt(reshape(scores, [classes, count]), pair), [1, many]),
  };
}

/** Planes of red, green and blue: RGB8 [size, size, 3] to [3, size, size]. */
function planes(pixels: Uint8Array): Uint8Array {
  const plane = pixels.length / 3;
  return Uint8Array.from(pixels, (_, at) => pixels[3 * (at % plane) + Math.floor(at / plane)]!);
}

/** What a model says of a picture. */
interface Said {
  readonly found: readonly Found[];
  /** By the model that tells them too. */
  readonly scores?: Float32Array;
  readonly sides?: Float32Array;
}

async function ask(
  runtime: Runtime,
  model: Uint8Array,
  flavor: OnnxFlavor,
  pictures: readonly Uint8Array[],
): Promise<Said[]> {
  const session = await runtime.load(model);
  try {
    const { shape } = session.inputs[0]!;
    const said: Said[] = [];
    for (const pixels of pictures) {
      const answer = await session.run({ [inputName]: tensorOf(flavor, shape as readonly number[], planes(pixels)) });
      const numbers = (name: string): Float32Array | undefined => {
        const value = answer[name];
        return value && Float32Array.from(numbersOf(value));
      };
      const [boxes, labels] = [numbers(outputNames.boxes)!, numbers(outputNames.classes)!];
      const found = Array.from(numbers(outputNames.scores)!, (score, i) => {
        const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [
          number,
          number,
          number,
          number,
        ];
        return { label: labels[i]!, score, left, top, width: right - left, height: bottom - top };
      });
      const [scores, sides] = [numbers('scores'), numbers('sides')];
      said.push({ found, ...(scores && { scores }), ...(sides && { sides }) });
    }
    return said;
  } finally {
    await session.close();
  }
}

const wrong = (flavor: OnnxFlavor, what: string, received: unknown): AppError =>
  new AppError('ExportCheck', expected(what, `the ${flavor} ONNX model`, received));

/** Rounding of scores and shares that decides nothing. */
const slacks: Readonly<Record<OnnxFlavor, number>> = { float32: 1e-3, float16: 2e-2 };

/**
 * Checks that of what the cells say the right boxes are kept: each is one of theirs, no two of a label share too much,
 * and none is left out but for one that scores as much. Which of equals is kept is the runtime's choice.
 * @throws AppError `ExportCheck`.
 */
function checkKept(kept: readonly Found[], all: readonly Found[], flavor: OnnxFlavor): void {
  const slack = slacks[flavor];
  const near = (a: Found, b: Found): boolean =>
    a.label === b.label &&
    Math.abs(a.score - b.score) < slack &&
    (overlap(a, b) > 1 - 10 * slack || a.width * a.height < slack);
  for (const [i, one] of kept.entries()) {
    if (!all.some((other) => near(one, other))) throw wrong(flavor, 'boxes that its cells give', 'another');
    const again = kept
      .slice(i + 1)
      .some((other) => other.label === one.label && overlap(one, other) > suppression.overlap + slack);
    if (again) throw wrong(flavor, 'each thing once', 'one twice');
  }
  for (const one of all) {
    if (one.score <= leastScore + slack) continue;
    const own = kept.filter(({ label }) => label === one.label);
    const covered = own.some(
      (other) => other.score >= one.score - slack && overlap(one, other) > suppression.overlap - slack,
    );
    if (own.length < suppression.most && !covered && !own.some((other) => near(one, other)))
      throw wrong(flavor, 'everything its cells give', 'something left out');
  }
}

/**
 * The detector with its backbone as an ONNX model that finds by itself what the server finds, run in `runtime` and
 * compared with it on drawn pictures, cell by cell. `labels`: one for each, as labels.txt will list them.
 * @throws AppError `ExportCheck` when the model says something else, or there are more or fewer labels.
 */
export async function exportOnnxDetector(
  runtime: Runtime,
  body: DetectorBody,
  detector: Detector,
  server: Pick<ReadyDetector, 'sayOf'>,
  labels: readonly string[],
  flavor: OnnxFlavor,
): Promise<ExportedModel> {
  const { classes, size } = detector;
  if (labels.length !== classes)
    throw new AppError('ExportCheck', expected(`${classes} labels`, 'the export', labels.length));
  const model = writeOnnx(detectorGraph(body, detector, flavor, false), { name: 'detector', metadata: detectorPixels });
  const pictures = testPictures(size);
  const theirs = await ask(runtime, model, flavor, pictures);
  const inner = await ask(runtime, writeOnnx(detectorGraph(body, detector, flavor, true)), flavor, pictures);
  const cells = cellsOf(size);
  let maxDifference = 0;
  const vectors: object[] = [];
  for (const [i, pixels] of pictures.entries()) {
    const own = await server.sayOf(pixels);
    const { scores, sides } = inner[i] as Required<Said>;
    for (let at = 0; at < scores.length; at++)
      maxDifference = Math.max(maxDifference, Math.abs(scores[at]! - own.scores[at]!));
    checkKept(theirs[i]!.found, candidates(scores, sides, 0, classes, cells), flavor);
    const found = decode(own.scores, own.sides, 0, classes, cells);
    vectors.push({ pixels: Buffer.from(planes(pixels)).toString('base64'), found });
  }
  if (!(maxDifference <= tolerance[flavor]))
    throw wrong(flavor, `scores within ${tolerance[flavor]} of the server's`, maxDifference);
  const content = {
    about:
      'Pictures and what the server that made this model finds in them. pixels: base64, one byte per element of the input, in its order; found: label (its line in labels.txt, from 0), score, and the box as parts of width and height, equal within tolerance.',
    input: { name: inputName, dtype: flavor, shape: [1, 3, size, size] },
    outputs: Object.values(outputNames),
    tolerance: tolerance[flavor],
    vectors,
  };
  const bytes = new TextEncoder().encode(`${JSON.stringify(content, null, 1)}\n`);
  return {
    files: [
      { name: modelFileName, bytes: model },
      { name: 'test_vectors.json', bytes },
    ],
    maxDifference,
    metadata: detectorMetadata(size),
  };
}
