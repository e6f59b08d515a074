import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { checkExportedOnnx } from '../../test/fixtures/exported-onnx.ts';
import { bitsOf, type LearningApp, learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, type Stores, temporaryFolder } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { fileSource } from '../base/source.ts';
import { domains } from '../domain/domain.ts';
import type { ImagePrediction } from '../domain/prediction.ts';
import type { ProjectScope } from '../services/context.ts';
import { exportIteration, readExport } from '../services/exporting.ts';
import { listIterations } from '../services/iterations.ts';
import { imagePerformances, iterationPerformance } from '../services/performance.ts';
import { quickTest } from '../services/predicting.ts';
import { updateProject } from '../services/projects.ts';
import { putBack } from '../services/restore/restore.ts';
import { takeOut } from '../services/takeout/takeout.ts';
import type { Vision } from '../vision/vision.ts';
import { exportModel } from './export.ts';

const advanced = { trainingType: 'Advanced', reservedBudgetInHours: 1, forceTrain: true } as const;

/**
 * An application whose quick classifiers claim to be sure and wrong, so that what is fine-tuned is better, and which is
 * out of time once a setting was tried.
 */
function hurried({ app, accountId }: LearningApp): LearningApp {
  const { vision } = app;
  const fineTune: Vision['fineTune'] = (set, quick, budget, run) => {
    const heldOut = Float32Array.from(set.targets, (target) => (target === 1 ? 1e-6 : 1 - 1e-6));
    return vision.fineTune(set, { ...quick, heldOut }, budget, { ...run, limits: { all: AbortSignal.abort() } });
  };
  return { app: { ...app, vision: { ...vision, fineTune } }, accountId };
}

test('a fine-tuned classifier is judged by what it has not seen, answers, is exported, taken out and put back', async (t) => {
  const learning = hurried(await learningApp(t));
  const { app, accountId } = learning;
  const pictures = await blots(12, 2, 1);
  const { scope } = await projectOf(
    learning,
    'Multiclass',
    2,
    pictures.map(({ bytes, kind }) => ({ bytes, tags: [kind] })),
  );
  const compact = domains.find(({ type, exportable }) => type === 'Classification' && exportable)!;
  await updateProject(app, scope, { domainId: compact.id });
  const regular = await trained(learning, scope);
  const id = await trained(learning, scope, advanced);
  const iteration = (await listIterations(app, scope)).find((one) => one.id === id)!;
  assert.deepEqual(
    [iteration.status, iteration.trainingType, iteration.reservedBudgetInHours, iteration.trainingErrorDetails],
    ['Completed', 'Advanced', 1, null],
  );
  assert.ok(iteration.trainingTimeInMinutes >= 1);

  const shown = (await imagePerformances(app, scope, id, {})).filter(({ predictions }) => predictions.length > 0);
  assert.ok(shown.length >= 2 && shown.length < 12, String(shown.length));
  const { averagePrecision } = await iterationPerformance(app, scope, id);
  assert.ok(averagePrecision >= 0 && averagePrecision <= 1);

  const { bytes } = pictures[0]!;
  const ask = async (of: ProjectScope, iterationId: string): Promise<ImagePrediction['predictions']> =>
    (await quickTest(app, of, iterationId, { bytes }, { id: newId(), store: false })).predictions;
  const answer = await ask(scope, id);
  assert.equal(answer.length, 2);
  assert.notDeepEqual(answer, await ask(scope, regular));
  const { model } = await bitsOf(learning, scope, id);
  assert.equal(
    (await bitsOf(learning, scope, await trained(learning, scope, advanced))).model,
    model,
    'the same bytes',
  );

  const exported = await exportIteration(app, scope, id, 'onnx', null);
  await exportModel(app, { ...scope, exportId: exported.id }, jobRun());
  await checkExportedOnnx((await readExport(app, scope, exported.id)).bytes, {
    iterationId: id,
    tolerance: 1e-4,
    dtype: 'float32',
    picture: pictures[0]!.bytes,
    probabilities: Object.fromEntries(answer.map(({ tagName, probability }) => [tagName, probability])),
  });

  const other = await plantAccount(app as unknown as Stores);
  const file = join(temporaryFolder(t), 'all.zip');
  writeFileSync(file, await buffer((await takeOut(app, accountId, { projectId: scope.projectId })).stream));
  const { projects } = await putBack(app, { source: await fileSource(file), accountId: other });
  const copy = { accountId: other, projectId: projects[0]!.id };
  const same = (await listIterations(app, copy)).find(({ name }) => name === iteration.name)!;
  const said = (predictions: ImagePrediction['predictions']) => predictions.map(({ tagId: _id, ...rest }) => rest);
  assert.deepEqual(said(await ask(copy, same.id)), said(answer));
});
