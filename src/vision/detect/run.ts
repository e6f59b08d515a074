import { constant, graph, type Node } from '../graph/graph.ts';
import { tensor } from '../graph/tensor.ts';
import type { Found } from '../image/box.ts';
import { type PictureLimits, pixels } from '../image/decode.ts';
import { preprocess } from '../image/preprocess.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { cellsOf } from './cells.ts';
import { decode } from './decode.ts';
import type { Detector } from './detector.ts';
import { answers, type DetectorBody } from './network.ts';

/** A detector that is ready to look at pictures. */
export interface ReadyDetector {
  /**
   * What is found in a picture (the bytes of an image file), best first.
   * @throws AppError `BadRequestImageFormat`, `BadRequestImageDimensions`.
   */
  find(picture: Uint8Array, limits?: PictureLimits): Promise<Found[]>;
  /** What its cells say of pixels, RGB8 [size, size, 3], before it is decided what is found: as {@link decode} takes it. */
  sayOf(pixels: Uint8Array): Promise<{ readonly scores: Float32Array; readonly sides: Float32Array }>;
  /** What is being looked at is still finished. */
  close(): Promise<void>;
}

/** Loads a detector; `body`: its backbone for one picture of its size. */
export async function readyDetector(
  runtime: Runtime,
  { classes, size, weights }: Detector,
  body: DetectorBody,
  threads = 1,
): Promise<ReadyDetector> {
  const fixed: Record<string, Node> = {};
  for (const [name, value] of Object.entries(weights)) fixed[name] = constant(value);
  const session = await runtime.compile(graph(answers(body.maps(fixed), fixed)), { threads });
  const cells = cellsOf(size);
  const looking = new Set<Promise<unknown>>();
  const sayOf = async (square: Uint8Array) => {
    const picture = tensor('float32', [1, 3, size, size], preprocess(square, size));
    const { scores, sides } = await session.run({ picture });
    return { scores: scores!.data as Float32Array, sides: sides!.data as Float32Array };
  };
  const find = async (picture: Uint8Array, limits?: PictureLimits): Promise<Found[]> => {
    const { scores, sides } = await sayOf(await pixels(picture, size, limits));
    return decode(scores, sides, 0, classes, cells);
  };
  const look = <T>(found: Promise<T>): Promise<T> => {
    const ended = found.finally(() => looking.delete(ended));
    looking.add(ended);
    return ended;
  };
  return {
    find: (picture, limits) => look(find(picture, limits)),
    sayOf: (square) => look(sayOf(square)),
    async close() {
      await Promise.allSettled(looking);
      await session.close();
    },
  };
}
