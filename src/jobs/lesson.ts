import { AppError } from '../base/errors.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { picturesUnreadable, readOriginal } from '../services/features.ts';
import { presentImages } from '../store/forgetting.ts';
import type { IterationImageRow, IterationRow } from '../store/schema.ts';

/** What an iteration is to learn from. */
export interface Lesson {
  readonly iteration: IterationRow;
  /** By id. */
  readonly images: readonly IterationImageRow[];
  /** Of each tag, by its id, the place among the model's outputs: 0, 1, 2 … */
  readonly positions: ReadonlyMap<string, number>;
}

/** What an iteration has learned, whatever it learned with. */
export interface Learned {
  /** The model as it is kept. */
  readonly model: Uint8Array;
  /** What it was learned from, by id. */
  readonly images: readonly IterationImageRow[];
  /** The held-out result of the image at this position, as it is kept; `null` if it was not held out. */
  readonly result: (index: number) => Uint8Array | null;
}

/**
 * The bytes of a picture that is learned from.
 * @throws AppError `TrainingSetChanged` when it was removed meanwhile; as `picturesUnreadable` when its file is damaged.
 */
export async function readPicture(app: App, scope: ProjectScope, imageId: string): Promise<Uint8Array> {
  const bytes = await readOriginal(app, scope, imageId);
  if (bytes !== undefined) return bytes;
  if ((await presentImages(app.db.query, scope.projectId, [imageId])).length > 0) throw picturesUnreadable([imageId]);
  throw new AppError('TrainingSetChanged', 'a picture was removed while the iteration was trained');
}

/**
 * What to do with an error of learning: one of a picture that cannot be decoded, which knows it by its key, is thrown
 * again with the id of its image. `keys`: those of the images, in their order.
 */
export const namingImages =
  (images: readonly IterationImageRow[], keys: readonly string[]) =>
  (error: unknown): never => {
    if (!(error instanceof AppError) || error.code !== 'PictureUndecodable') throw error;
    const { message } = error;
    throw picturesUnreadable(images.filter((_, at) => message.includes(keys[at]!)).map((image) => image.image_id));
  };
