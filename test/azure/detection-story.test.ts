/** Object detection on drawn pictures, by a plan so small that it takes seconds: what is learned is not much. */
import { test } from 'node:test';
import { squareLabels, squares } from '../../src/vision/detect/fixture-squares.ts';
import { newestClients } from '../fixtures/clients.ts';
import { detectingServer } from '../fixtures/detecting-server.ts';
import { type LabelledPicture, tellDetection } from './detection-story.ts';

test('object detection, told by the newest clients on drawn pictures', async (t) => {
  const drawn = (n: number): LabelledPicture => {
    const { bytes, marked } = squares(n, 96);
    const regions = marked.map(({ label, ...box }) => ({ tag: squareLabels[label]!, ...box }));
    return { name: `${n}.bmp`, bytes: Buffer.from(bytes), regions };
  };
  await tellDetection(t, {
    clients: newestClients(await detectingServer(t)),
    learned: Array.from({ length: 32 }, (_, n) => drawn(n)),
    unseen: Array.from({ length: 6 }, (_, n) => drawn(100 + n)),
    averagePrecision: 0.15,
    found: 0.1,
    patience: 60,
  });
});
