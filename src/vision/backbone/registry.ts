/** A network that turns pictures into features, kept as a file beside the program. */
export interface BackboneEntry {
  readonly name: string;
  /** Under `models/` of the repository. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly licence: string;
  /** Pictures are squashed to this many pixels in width and height. */
  readonly size: number;
  /** Name of the input, float32 [N, 3, size, size], RGB: pixel / divisor + offset. */
  readonly input: string;
  readonly divisor: number;
  readonly offset: number;
  /**
   * The file's outputs that make up the features, in order: maps [N, C, h, w] by their mean over the plane, [N, C] as
   * they are.
   */
  readonly outputs: readonly string[];
  /** How many numbers they are together. */
  readonly featureLength: number;
}

/** The network that comes with the program. */
export const builtIn: BackboneEntry = {
  name: 'ownsight-s',
  file: 'ownsight-s.onnx',
  sha256: '5fca50b27539c6f6755d33c476d4594762abee7d8133a44a36cfa450f65bd9eb',
  bytes: 9_785_871,
  licence: 'Apache-2.0',
  size: 160,
  input: 'image',
  divisor: 127.5,
  offset: -1,
  outputs: ['stride16', 'stride32', 'features'],
  featureLength: 1792,
};
