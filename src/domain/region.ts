import type { Micros } from '../base/clock.ts';

/** A rectangle in parts of the picture's width and height: 0..1 from the upper left corner. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A tagged rectangle to be put on an image. */
export interface RegionEntry {
  readonly imageId: string;
  readonly tagId: string;
  readonly box: Box;
}

/** A tagged rectangle of an image. */
export interface Region {
  readonly id: string;
  readonly imageId: string;
  readonly tagId: string;
  readonly tagName: string | null;
  readonly box: Box;
  readonly created: Micros;
}
