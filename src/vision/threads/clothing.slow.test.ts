import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clothingSet, photographs, shared, withoutClothing } from '../../../test/fixtures/clothing.ts';
import { pullable } from '../backbone/registry.ts';
import type { Classifier } from '../classify/classifier.ts';
import { classify } from '../classify/predict.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { createVision } from './vision-threads.ts';

const [pulled] = pullable;
const file = `${shared}/models/tf2_mobilenet_v2_1.0_224_ptq.tflite`;

for (const backbone of [undefined, pulled!.name])
  test(`fine-tuned within an hour, photographs never seen are told apart better than on ${backbone ?? 'the backbone'} as it is`, {
    skip: withoutClothing || (backbone !== undefined && !existsSync(file) && 'needs the networks of OWNSIGHT_SHARED'),
  }, async (t) => {
    const modelsFolder = mkdtempSync(join(tmpdir(), 'ownsight-models-'));
    t.after(() => rmSync(modelsFolder, { recursive: true }));
    if (backbone !== undefined) copyFileSync(file, join(modelsFolder, pulled!.file));
    const vision = createVision({ modelsFolder });
    t.after(() => vision.close());
    const { set, features, read } = await clothingSet(vision, backbone);
    const fresh = photographs('test');
    const reached = async (classifier: Classifier, key: string): Promise<number> => {
      const changed = classifier.backbone && { key, weights: classifier.backbone };
      const answers = (await vision.features(fresh.bytes, { backbone, changed })).flatMap((values) => [
        ...classify(classifier, values),
      ]);
      return accuracy(answers, fresh.targets, set.classes).value;
    };
    const quick = await vision.fitClassifier({ ...set, features });
    const before = await reached(quick.classifier, 'quick');
    const begun = performance.now();
    const tuned = await vision.fineTune({ ...set, read }, quick, { hours: 1, backbone });
    const minutes = (performance.now() - begun) / 60_000;
    const after = await reached(tuned.classifier, 'tuned');
    const heldOut = Float32Array.from(tuned.heldOut.flatMap((row) => [...row!]));
    const claimed = accuracy(heldOut, set.targets, set.classes);
    t.diagnostic(JSON.stringify({ before, after, claimed, setting: tuned.setting?.name, minutes }));
    assert.ok(after > before, `${after} ${before}`);
    assert.ok(claimed.value > accuracy(quick.heldOut, set.targets, set.classes).value);
  });
