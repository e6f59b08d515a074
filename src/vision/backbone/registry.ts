/** What is given out by every backbone: maps so many pixels apart, and what its last layer looks at. */
export type Tap = 'stride8' | 'stride16' | 'stride32' | 'features';

/** How the numbers of pixels are when a network takes them. Ours throughout is `signed`. */
export const pixelScales = {
  /** -1..1 */
  signed: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  /** 0..1 */
  unit: { mean: [0, 0, 0], deviation: [1, 1, 1] },
  /** 0..255 */
  bytes: { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] },
  /** By mean and deviation of the red, green and blue of ImageNet, as torchvision's networks take them. */
  imagenet: { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
} as const satisfies Readonly<
  Record<string, { readonly mean: readonly number[]; readonly deviation: readonly number[] }>
>;

/** The name of one of {@link pixelScales}. */
export type PixelScale = keyof typeof pixelScales;

/** A network that turns pictures into features, kept as a file. */
export interface BackboneEntry {
  readonly name: string;
  /** Its file: ONNX or TensorFlow Lite. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly licence: string;
  /** Of ImageNet's validation pictures, the part whose best answer is right, as published, in words. */
  readonly top1?: string;
  /** Where the file can be had. */
  readonly url?: string;
  /** For features pictures are squashed to this many pixels in width and height. */
  readonly size: number;
  readonly pixels: PixelScale;
  /** What makes up the features, in order: maps [N, C, h, w] by their mean over the plane, [N, C] as it is. */
  readonly outputs: readonly Tap[];
  /** How many numbers they are together. */
  readonly featureLength: number;
}

/** The network that comes with the program, under `models/` of the repository. */
export const builtIn: BackboneEntry = {
  name: 'ownsight-s',
  file: 'ownsight-s.onnx',
  sha256: '5fca50b27539c6f6755d33c476d4594762abee7d8133a44a36cfa450f65bd9eb',
  bytes: 9_785_871,
  licence: 'Apache-2.0',
  size: 160,
  pixels: 'signed',
  outputs: ['stride16', 'stride32', 'features'],
  featureLength: 1792,
};

/** Networks that can be pulled: known to the byte, not part of the program. */
export const pullable: readonly BackboneEntry[] = [
  {
    name: 'mobilenet-v2',
    file: 'mobilenet-v2.tflite',
    sha256: '5d3137241276e79c86d14a74fe43581398ae0e815191d3dba45495b810840e8c',
    bytes: 4_070_174,
    licence: 'Apache-2.0',
    top1: '71 to 72 %',
    url: 'https://github.com/google-coral/test_data/raw/104342d2d3480b3e66203073dac24f4e2dbb4c41/tf2_mobilenet_v2_1.0_224_ptq.tflite',
    size: 224,
    pixels: 'signed',
    outputs: ['stride16', 'features'],
    featureLength: 1856,
  },
];
