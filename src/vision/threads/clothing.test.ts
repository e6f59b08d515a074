import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { classify } from '../classify/predict.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { foldOf } from '../train/split.ts';
import { createVision } from './vision-threads.ts';

const shared = process.env.OWNSIGHT_SHARED ?? fileURLToPath(new URL('../../../../shared', import.meta.url));
const data = `${shared}/data/clothing`;
const skip = existsSync(data) ? false : 'needs the photographs of OWNSIGHT_SHARED/data/clothing';

/** Photographs with the folder they lie in as label. */
const photographs = (part: string) => {
  const files = globSync(`${data}/${part}/*/*`).sort();
  const labels = [...new Set(files.map((file) => basename(dirname(file))))];
  const targets = new Uint8Array(files.length * labels.length);
  for (const [row, file] of files.entries()) targets[row * labels.length + labels.indexOf(basename(dirname(file)))] = 1;
  return {
    ids: files.map((file) => basename(file)),
    bytes: files.map((file) => readFileSync(file)),
    classes: labels.length,
    targets,
  };
};

test('real photographs: what is claimed of pictures held out is reached on pictures never seen', { skip }, async () => {
  const vision = createVision();
  const [learned, fresh] = [photographs('train'), photographs('test')];
  const { classes, targets, ids } = learned;
  const features = new Float32Array(ids.length * (await vision.backbone()).featureLength);
  for (const [row, values] of (await vision.features(learned.bytes)).entries())
    features.set(values, row * values.length);
  const folds = Uint8Array.from(ids, (id) => foldOf(id));
  const { classifier, heldOut } = await vision.fitClassifier({
    kind: 'multiclass',
    classes,
    features,
    targets,
    folds,
    order: ids,
  });
  const answers = (await vision.features(fresh.bytes)).flatMap((values) => [...classify(classifier, values)]);
  await vision.close();
  const [claimed, reached] = [accuracy(heldOut, targets, classes), accuracy(answers, fresh.targets, classes)];
  const figures = JSON.stringify({ claimed, reached });
  assert.ok(reached.value >= 0.64, figures);
  assert.ok(claimed.low <= reached.high && reached.low <= claimed.high, figures);
});
