import { squareLabels, squares } from '../../src/vision/detect/fixture-squares.ts';
import type { LabelledPicture } from './detection-story.ts';

const drawn = (n: number): LabelledPicture => {
  const { bytes, marked } = squares(n, 96);
  const regions = marked.map(({ label, ...box }) => ({ tag: squareLabels[label]!, ...box }));
  return { name: `${n}.bmp`, bytes: Buffer.from(bytes), regions };
};

/** Drawn pictures to learn from, and others: for a plan so small that it takes seconds, and learns not much. */
export const drawnPictures = {
  learned: Array.from({ length: 32 }, (_, n) => drawn(n)),
  unseen: Array.from({ length: 6 }, (_, n) => drawn(100 + n)),
};
