import { AppError, expected } from '../../base/errors.ts';
import { pixels } from './decode.ts';

/** A picture to learn from, or to be judged by, that can be looked at. */
export interface Shown {
  /** Pixels in width and height. */
  readonly side: number;
  /** RGB8 [side, side, 3], squashed to a square; not to be changed. @throws what reading it throws; AppError `PictureUndecodable` naming its key. */
  pixels(): Promise<Uint8Array>;
}

/**
 * Pictures that are decoded when they are first looked at. They stay decoded as long as `room`, in bytes, lasts; the
 * others are read and decoded each time, so that memory does not grow with their number.
 */
export function gallery<T extends { readonly key: string }>(
  pictures: readonly T[],
  read: (key: string) => Promise<Uint8Array>,
  { side, room }: { readonly side: number; readonly room: number },
): (T & Shown)[] {
  let places = Math.floor(room / (3 * side * side));
  return pictures.map((picture) => {
    let kept: Uint8Array | undefined;
    return {
      ...picture,
      side,
      async pixels() {
        if (kept !== undefined) return kept;
        const bytes = await read(picture.key);
        const decoded = await pixels(bytes, side).catch((error: unknown) => {
          throw new AppError('PictureUndecodable', expected('a picture', picture.key, 'other bytes'), error);
        });
        if (kept === undefined && places-- > 0) kept = decoded;
        return decoded;
      },
    };
  });
}
