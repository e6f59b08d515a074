import type { Micros } from '../../base/clock.ts';
import type { ImportedIteration } from '../../domain/iteration.ts';
import type { Augmentation, ClassificationType } from '../../domain/project.ts';
import type { Box } from '../../domain/region.ts';
import type { TagType } from '../../domain/tag.ts';
import type { Fault } from './report.ts';

/** A project as the place it comes from tells of it. */
export interface SourceProject {
  /** Its id there; kept where it is free. */
  readonly id?: string;
  readonly name: string;
  readonly description: string;
  readonly domainId: string;
  /** `null` for object detection. */
  readonly classificationType: ClassificationType | null;
  readonly targetExportPlatforms: readonly string[];
  readonly augmentation?: Augmentation;
  readonly created?: Micros | undefined;
}

/** A tag as the place it comes from tells of it. */
export interface SourceTag {
  /** What pictures name it by: its id there, or its name. */
  readonly key: string;
  /** Its id there; kept where it is free. */
  readonly id?: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: TagType;
}

/** A box in parts of the picture, or in pixels of a picture of the size `of` (of its own size where that is not told). */
export type SourceBox =
  | Box
  | {
      readonly pixels: readonly [left: number, top: number, width: number, height: number];
      readonly of?: { readonly width: number; readonly height: number } | undefined;
    };

/** A picture's bytes. */
export interface SourceBytes {
  readonly bytes: Uint8Array;
  /** It is not the original, which could not be had, but a smaller copy. */
  readonly resized?: boolean;
}

/** A picture as the place it comes from tells of it; its bytes are fetched when they are needed. */
export interface SourcePicture {
  /** What a report calls it: its id there, or the path of its file. */
  readonly item: string;
  /** Its id there; kept where it is free. Without one it is found again by its bytes. */
  readonly id?: string;
  readonly created?: Micros | undefined;
  readonly tags: readonly { readonly key: string; readonly created?: Micros | undefined }[];
  readonly regions: readonly {
    readonly key: string;
    readonly id?: string;
    readonly box: SourceBox;
    readonly created?: Micros | undefined;
  }[];
  readonly metadata: Readonly<Record<string, string>> | null;
  /** @throws AppError whose code says why there are none: a picture that failed, not the whole import. */
  bytes(signal: AbortSignal | undefined): Promise<SourceBytes>;
}

/** An iteration that was trained elsewhere, as it was told of there. */
export interface SourceIteration {
  readonly id: string;
  readonly name: string;
  readonly created: Micros | undefined;
  readonly lastModified: Micros | undefined;
  readonly trainedAt: Micros | undefined;
  readonly domainId: string;
  readonly classificationType: ClassificationType | null;
  readonly trainingType: 'Regular' | 'Advanced';
  readonly reservedBudgetInHours: number;
  readonly trainingTimeInMinutes: number;
  readonly publishName: string | null;
  readonly exportableTo: readonly string[];
  /** The tags it learned, in the order of its outputs. */
  tags(): Promise<(SourceTag & { readonly imageCount: number })[]>;
  /** The pictures it learned from, with the tags of that time. */
  pictures(): AsyncIterable<SourcePicture | Fault>;
  /** What it said of each picture: a probability by key of the tag. Of detectors nothing. */
  results(): AsyncIterable<{ readonly id: string; readonly probabilities: ReadonlyMap<string, number> }>;
  /** Its performance at the thresholds that were asked for; `id` of a tag is its key. */
  performance(): Promise<ImportedIteration['performance']>;
}

/** Where one project comes from. */
export interface Source {
  readonly project: SourceProject;
  /** The version of the API it was asked in, of a service. */
  readonly apiVersion?: string;
  /** How many pictures there are, as far as that can be known beforehand. */
  readonly total: number | undefined;
  /** Tags that are made before the first picture; others are made by their name when a picture carries them. */
  tags(): AsyncIterable<SourceTag | Fault>;
  /** Every picture of the workspace, one after the other. */
  pictures(): AsyncIterable<SourcePicture | Fault>;
  iterations?(): AsyncIterable<SourceIteration | Fault>;
  /** What could not be taken over as it was, in words; complete when all else was read. */
  notes(): readonly string[];
}
