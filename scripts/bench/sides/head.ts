/** Learning a classifier of 20 classes from the kept features of 1,000 pictures, five folds included. */

import { createVision } from '../../../src/vision/threads/vision-threads.ts';
import { foldOf } from '../../../src/vision/train/split.ts';
import { generator } from '../../samples.ts';
import { serveSide } from '../side.ts';

const pictures = 1000;
const classes = 20;

serveSide<undefined, undefined, number>(async () => {
  const vision = createVision({});
  const { featureLength: d } = await vision.backbone();
  const random = generator(7);
  const bell = () => random() + random() + random() - 1.5;
  // Classes that overlap, with values as sparse and positive as those of a network's last layers.
  const centres = Float32Array.from({ length: classes * d }, () => Math.max(0, bell()));
  const features = new Float32Array(new SharedArrayBuffer(pictures * d * 4));
  const targets = new Uint8Array(pictures * classes);
  for (let n = 0; n < pictures; n++) {
    const label = n % classes;
    targets[n * classes + label] = 1;
    for (let k = 0; k < d; k++) features[n * d + k] = Math.max(0, centres[label * d + k]! + 3 * bell());
  }
  const order = Array.from({ length: pictures }, (_, n) => String(n).padStart(8, '0'));
  const folds = Uint8Array.from(order, (id) => foldOf(id));
  return {
    /** Seconds. */
    async round() {
      const begun = performance.now();
      await vision.fitClassifier({ kind: 'multiclass', classes, features, targets, folds, order });
      return (performance.now() - begun) / 1000;
    },
    close: () => vision.close(),
  };
});
