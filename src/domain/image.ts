import type { Micros } from '../base/clock.ts';
import type { Box, Region } from './region.ts';

/** The picture formats accepted, by their content and not their name. */
export const imageFormats = ['jpeg', 'png', 'gif', 'bmp', 'webp', 'tiff'] as const;
/** One of them. */
export type ImageFormat = (typeof imageFormats)[number];

/** The media type of each format, for answers that carry the picture. */
export const mediaTypes: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  bmp: 'image/bmp',
  webp: 'image/webp',
  tiff: 'image/tiff',
};

/** A tag on an image. `tagName` is null in answers to a creation, as Azure's are. */
export interface ImageTag {
  readonly tagId: string;
  readonly tagName: string | null;
  readonly created: Micros;
}

/** A training picture. */
export interface Image {
  readonly id: string;
  readonly projectId: string;
  readonly created: Micros;
  /** Pixels, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly tags: readonly ImageTag[];
  readonly regions: readonly Region[];
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** A picture to be added to the workspace, with its own labels. */
export interface NewImage {
  readonly source: { readonly bytes: Uint8Array } | { readonly url: string } | { readonly predictionId: string };
  /** The file name given, for the answer only: it is not kept. */
  readonly name: string;
  readonly tagIds: readonly string[];
  readonly regions: readonly { readonly tagId: string; readonly box: Box }[];
}

/** Pictures to be added together: each entry's own labels, and what all of them share. */
export interface NewImages {
  readonly entries: readonly NewImage[];
  readonly shared: {
    readonly tagIds: readonly string[];
    readonly metadata: Readonly<Record<string, string>> | null;
  };
}

/** How the creation of one image of a batch ended: Azure's words. */
export type ImageCreateStatus =
  | 'OK'
  | 'OKDuplicate'
  | 'ErrorSource'
  | 'ErrorImageFormat'
  | 'ErrorImageSize'
  | 'ErrorImageDimensions'
  | 'ErrorStorage'
  | 'ErrorLimitExceed'
  | 'ErrorTagLimitExceed'
  | 'ErrorRegionLimitExceed'
  | 'ErrorNegativeAndRegularTagOnSameImage'
  | 'ErrorInvalidTag'
  | 'ErrorUnknown';

/** One entry of a batch's answer. */
export interface ImageCreateResult {
  /** The address it came from, the prediction id, or the file name given; `''` for plain data. */
  readonly sourceUrl: string;
  readonly status: ImageCreateStatus;
  /** Absent when there is none. */
  readonly image: Image | null;
}

/** A batch's answer, in the order of the request. */
export interface ImageCreateSummary {
  readonly isBatchSuccessful: boolean;
  readonly images: readonly ImageCreateResult[];
}

/** How the change of one image's metadata ended. */
export interface MetadataResult {
  readonly imageId: string;
  readonly status: 'OK' | 'ErrorImageNotFound' | 'ErrorLimitExceed';
  /** As it is now. */
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** A tag to be put on an image. */
export interface ImageTagPair {
  readonly imageId: string;
  readonly tagId: string;
}

/**
 * What became of tags or regions put on images: added, there already, over a limit. `C` is what an added one becomes.
 */
export interface CreatedPairs<T, C = T> {
  readonly created: readonly C[];
  readonly duplicated: readonly T[];
  readonly exceeded: readonly T[];
}
