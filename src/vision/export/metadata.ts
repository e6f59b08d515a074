import type { BackboneEntry } from '../backbone/registry.ts';
import type { ClassifierKind } from '../classify/classifier.ts';

/** Pixels of exported models, as their `metadata_props` name them: Azure's compact models take the same. */
export const pixelMetadata = {
  'Image.BitmapPixelFormat': 'Bgr8',
  'Image.ColorSpaceGamma': 'SRGB',
  'Image.NominalPixelRange': 'NominalRange_0_255',
} as const;

/**
 * What `metadata_properties.json` of an export says: the keys of Azure's, all values strings. The picture, upright, is
 * stretched to the target size without cropping and without keeping its proportions; its pixels go in as they are.
 */
export const exportMetadata = ({ size }: BackboneEntry, kind: ClassifierKind): Readonly<Record<string, string>> => ({
  ...sharedMetadata(size),
  'CustomVision.Postprocess.Method': kind === 'multiclass' ? 'ClassificationMultiClass' : 'ClassificationMultiLabel',
  ...pixelMetadata,
});

const sharedMetadata = (size: number) => ({
  'CustomVision.Metadata.AdditionalModelInfo': '',
  'CustomVision.Metadata.Version': '1.1',
  'CustomVision.Postprocess.Method': '',
  'CustomVision.Postprocess.Yolo.Biases': 'null',
  'CustomVision.Postprocess.Yolo.NmsThreshold': 'null',
  'CustomVision.Preprocess.CropHeight': '0',
  'CustomVision.Preprocess.CropMethod': 'NoCrop',
  'CustomVision.Preprocess.CropWidth': '0',
  'CustomVision.Preprocess.MaxDimension': '0',
  'CustomVision.Preprocess.MaxScale': '0',
  'CustomVision.Preprocess.MinDimension': '0',
  'CustomVision.Preprocess.MinScale': '0',
  'CustomVision.Preprocess.NormalizeMean': '[0.0, 0.0, 0.0]',
  'CustomVision.Preprocess.NormalizeStd': '[1.0, 1.0, 1.0]',
  'CustomVision.Preprocess.ResizeMethod': 'Stretch',
  'CustomVision.Preprocess.TargetHeight': String(size),
  'CustomVision.Preprocess.TargetWidth': String(size),
});

/** Pixels of exported detectors. */
export const detectorPixels = { ...pixelMetadata, 'Image.BitmapPixelFormat': 'Rgb8' } as const;

/** What `metadata_properties.json` of an exported detector says, whose post-processing is part of the model. */
export const detectorMetadata = (size: number): Readonly<Record<string, string>> => ({
  ...sharedMetadata(size),
  'CustomVision.Postprocess.Method': 'None',
  ...detectorPixels,
});
