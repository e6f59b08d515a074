import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clothingSet, photographs, withoutClothing } from '../../../test/fixtures/clothing.ts';
import { classify } from '../classify/predict.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { createVision } from './vision-threads.ts';

const skip = withoutClothing;

test('real photographs: what is claimed of pictures held out is reached on pictures never seen', { skip }, async () => {
  const vision = createVision();
  const { set, features } = await clothingSet(vision);
  const fresh = photographs('test');
  const { classifier, heldOut } = await vision.fitClassifier({ ...set, features });
  const answers = (await vision.features(fresh.bytes)).flatMap((values) => [...classify(classifier, values)]);
  await vision.close();
  const claimed = accuracy(heldOut, set.targets, set.classes);
  const reached = accuracy(answers, fresh.targets, set.classes);
  const figures = JSON.stringify({ claimed, reached });
  assert.ok(reached.value >= 0.64, figures);
  assert.ok(claimed.low <= reached.high && reached.low <= claimed.high, figures);
});
