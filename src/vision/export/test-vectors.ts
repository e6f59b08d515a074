import type { Backbone } from '../backbone/load.ts';
import { featuresOutput, pictureInput } from '../backbone/load.ts';
import type { Classifier } from '../classify/classifier.ts';
import { classify } from '../classify/predict.ts';
import { tensor } from '../graph/tensor.ts';
import { preprocess } from '../image/preprocess.ts';
import type { Session } from '../runtime/runtime.ts';
import type { ExportedFile } from './exporter.ts';

/** A picture and the server's own answer to it. */
export interface TestVector {
  /** RGB8 [size, size, 3]. */
  readonly pixels: Uint8Array;
  /** float32 [C] */
  readonly probabilities: Float32Array;
}

/**
 * Waves of colour in three scales and directions, so that low and high features, channels and borders all matter;
 * always the same.
 */
export function testPictures(size: number): Uint8Array[] {
  const waves = [
    [2, 3, 0],
    [9, -5, 1],
    [31, 17, 2],
  ] as const;
  return waves.map(([across, down, phase]) =>
    Uint8Array.from({ length: 3 * size * size }, (_, at) => {
      const [x, y, channel] = [Math.floor(at / 3) % size, Math.floor(at / 3 / size), at % 3];
      const angle = (2 * Math.PI * (across * x + down * y * (channel + 1))) / size + phase + channel;
      return Math.round(127.5 + 127.5 * Math.sin(angle) * Math.cos((y * channel) / size));
    }),
  );
}

/**
 * The server's own answers, on the very path of a prediction: `session` runs the backbone, the classifier follows in
 * TypeScript.
 */
export async function testVectors(backbone: Backbone, session: Session, classifier: Classifier): Promise<TestVector[]> {
  const { size } = backbone.entry;
  const vectors: TestVector[] = [];
  for (const pixels of testPictures(size)) {
    const picture = tensor('float32', [1, 3, size, size], preprocess(pixels, size));
    const results = await session.run({ [pictureInput(backbone).name]: picture });
    vectors.push({ pixels, probabilities: classify(classifier, results[featuresOutput]!.data as Float32Array) });
  }
  return vectors;
}

/** Pixels as the exported model takes them: RGB8 [size, size, 3] to planes of blue, green, red, [3, size, size]. */
export function bluePlanesFirst(pixels: Uint8Array): Uint8Array {
  const plane = pixels.length / 3;
  return Uint8Array.from(pixels, (_, at) => pixels[3 * (at % plane) + 2 - Math.floor(at / plane)]!);
}

/** What `test_vectors.json` says about a model. */
export interface VectorHeader {
  readonly input: { readonly name: string; readonly dtype: string; readonly shape: readonly number[] };
  readonly output: { readonly name: string; readonly shape: readonly number[] };
  /** Largest absolute difference of a probability that still counts as equal. */
  readonly tolerance: number;
}

/**
 * `test_vectors.json`: the header, and per vector `pixels` (base64 of one byte per element of the input, in the input's
 * own order: blue, green, red planes, rows from the top) and `output` (the probabilities expected, in the order of
 * labels.txt).
 */
export function vectorFile(header: VectorHeader, vectors: readonly TestVector[]): ExportedFile {
  const listed = vectors.map(({ pixels, probabilities }) => ({
    pixels: Buffer.from(bluePlanesFirst(pixels)).toString('base64'),
    output: Array.from(probabilities),
  }));
  const content = {
    about:
      'Pictures and the answers of the server that made this model. pixels: base64, one byte per element of the input, in its order; output: the expected probabilities, in the order of labels.txt, equal within tolerance.',
    ...header,
    vectors: listed,
  };
  return { name: 'test_vectors.json', bytes: new TextEncoder().encode(`${JSON.stringify(content, null, 1)}\n`) };
}
