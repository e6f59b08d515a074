/** Photographs of clothing: how many are told apart rightly by a classifier on a backbone as it is. */

import { classify } from '../../../src/vision/classify/predict.ts';
import { accuracy } from '../../../src/vision/metrics/accuracy.ts';
import { createVision } from '../../../src/vision/threads/vision-threads.ts';
import { clothingSet, photographs } from '../../../test/fixtures/clothing.ts';
import { serveSide } from '../side.ts';

/** Shares of pictures whose best answer is right, 0..1. */
export interface Told {
  /** Of those learned from, by models that had not seen them. */
  readonly heldOut: number;
  /** Of those no model ever saw. */
  readonly unseen: number;
}

serveSide<{ modelsFolder: string }, { backbone: string }, Told>(async ({ modelsFolder }) => {
  const vision = createVision({ modelsFolder });
  return {
    async round({ backbone }) {
      const { set, features } = await clothingSet(vision, backbone);
      const { classifier, heldOut } = await vision.fitClassifier({ ...set, features });
      const { bytes, targets } = photographs('test');
      const answers = (await vision.features(bytes, { backbone })).flatMap((row) => [...classify(classifier, row)]);
      return {
        heldOut: accuracy(heldOut, set.targets, set.classes).value,
        unseen: accuracy(answers, targets, set.classes).value,
      };
    },
    close: () => vision.close(),
  };
});
