import type { Tensor } from '../graph/tensor.ts';
import type { Found, Marked } from '../image/box.ts';
import type { Shown } from '../image/gallery.ts';

/** A network that finds things in pictures, as what it learned on top of a backbone. */
export interface Detector {
  /** Labels, C. */
  readonly classes: number;
  /** Pictures are squashed to so many pixels in width and height. */
  readonly size: number;
  /** The head's weights, and those of the backbone's that were changed, by name. */
  readonly weights: Readonly<Record<string, Tensor>>;
}

/** A picture to learn from. */
export interface MarkedPicture {
  /** Its own name, equal for no two: order, chance and whether it is held out depend on it. */
  readonly key: string;
  readonly marked: readonly Marked[];
}

/** One that can be looked at. */
export type Sample = MarkedPicture & Shown;

/** What a detector is learned from. */
export interface DetectorSet {
  readonly classes: number;
  readonly pictures: readonly MarkedPicture[];
  /**
   * The bytes of the picture of this key: an image file, already inspected. Asked for one after the other, when it is
   * needed, and again where not all of them fit in memory: so a set may be of any size. What this throws, learning throws.
   */
  read(key: string): Promise<Uint8Array>;
}

/** The result of learning. */
export interface DetectorFit {
  readonly detector: Detector;
  /** What was found in each picture that was held out, by a detector that had not seen any of them; by key. */
  readonly heldOut: Readonly<Record<string, readonly Found[]>>;
}
