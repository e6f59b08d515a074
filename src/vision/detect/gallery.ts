import type { Marked } from '../image/box.ts';
import { pixels } from '../image/decode.ts';
import type { DetectorSet, MarkedPicture } from './detector.ts';

/** A picture to learn from, or to be judged by, ready to be looked at. */
export interface Sample {
  readonly key: string;
  readonly marked: readonly Marked[];
  /** Pixels in width and height. */
  readonly side: number;
  /** RGB8 [side, side, 3], squashed to a square; not to be changed. @throws what reading it throws. */
  pixels(): Promise<Uint8Array>;
}

/**
 * Pictures that are decoded when they are first looked at. They stay decoded as long as `room`, in bytes, lasts; the
 * others are read and decoded each time, so that memory does not grow with their number.
 */
export function gallery(
  pictures: readonly MarkedPicture[],
  read: DetectorSet['read'],
  { side, room }: { readonly side: number; readonly room: number },
): Sample[] {
  let places = Math.floor(room / (3 * side * side));
  return pictures.map(({ key, marked }) => {
    let kept: Uint8Array | undefined;
    return {
      key,
      marked,
      side,
      async pixels() {
        if (kept !== undefined) return kept;
        const decoded = await pixels(await read(key), side);
        if (kept === undefined && places-- > 0) kept = decoded;
        return decoded;
      },
    };
  });
}
