import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { bitsOf, doForget, type LearningApp, learningApp, trained } from '../../test/fixtures/learning.ts';
import { detectingApp, markedProject } from '../../test/fixtures/marked.ts';
import { temporaryFolder } from '../../test/fixtures/stores.ts';
import { AppError } from '../base/errors.ts';
import { fileSource } from '../base/source.ts';
import type { ProjectScope } from '../services/context.ts';
import { forgetImages } from '../services/forgetting.ts';
import { listIterations } from '../services/iterations.ts';
import { imagePerformanceCount, imagePerformances, iterationPerformance } from '../services/performance.ts';
import { deleteRegions } from '../services/regions.ts';
import { putBack } from '../services/restore/restore.ts';
import { takeOut } from '../services/takeout/takeout.ts';
import { squareLabels, squares } from '../vision/detect/fixture-squares.ts';
import type { DetectorPlan } from '../vision/detect/plan.ts';
import type { Vision } from '../vision/vision.ts';

const pictures = Array.from({ length: 27 }, (_, n) => squares(n, 96));

test('a detector is trained and judged by pictures it has not seen; it forgets as if it had never seen them', async (t) => {
  const learning = await detectingApp(t);
  const { app } = learning;
  const { scope, imageIds } = await markedProject(learning, squareLabels, pictures);
  const id = await trained(learning, scope);
  const [iteration] = await listIterations(app, scope);
  assert.deepEqual([iteration!.status, iteration!.classificationType], ['Completed', null]);
  const performance = await iterationPerformance(app, scope, id);
  assert.deepEqual(
    performance.perTag.map(({ name }) => name),
    squareLabels,
  );
  assert.ok(performance.averagePrecision > 0.1, String(performance.averagePrecision));

  const shown = await imagePerformances(app, scope, id, {});
  assert.equal(await imagePerformanceCount(app, scope, id), shown.length);
  assert.ok(shown.length >= 2 && shown.length <= 12, 'about a fifth is held out');
  for (const { image, predictions } of shown) {
    const { marked } = pictures[imageIds.indexOf(image.id)]!;
    assert.deepEqual(
      image.regions.map(({ tagName, box }) => ({ tagName, box })),
      marked.map(({ label, ...box }) => ({ tagName: squareLabels[label], box })),
    );
    assert.ok(predictions.every(({ box, probability }) => box !== null && probability <= 1));
  }
  // Put back elsewhere it is the same, and what forgets pictures there is what is learned here from the others, put in
  // another order.
  const elsewhere = await moved(t, learning, scope);
  const far = elsewhere.app;
  assert.deepEqual(await bitsOf(elsewhere, scope, id), await bitsOf(learning, scope, id));
  assert.deepEqual(await iterationPerformance(far, scope, id), performance);
  assert.deepEqual(await imagePerformances(far, scope, id, {}), shown);
  // What is marked now is not what it learned.
  const [first] = shown;
  await deleteRegions(
    app,
    scope,
    first!.image.regions.map((region) => region.id),
  );
  assert.deepEqual(await imagePerformances(app, scope, id, {}), shown);
  assert.deepEqual(await iterationPerformance(app, scope, id), performance);
  const strict = await iterationPerformance(app, scope, id, { threshold: 0, overlapThreshold: 1 });
  assert.deepEqual([strict.precision, strict.recall, strict.averagePrecision], [0, 0, 0]);

  await forgetImages(far, scope, { imageIds: imageIds.slice(0, 3), remakeExports: false }, 'en');
  await doForget(elsewhere, scope, id);
  const forgotten = await bitsOf(elsewhere, scope, id);
  assert.notEqual(forgotten.model, (await bitsOf(learning, scope, id)).model);
  const others = await markedProject(learning, squareLabels, pictures.slice(3).toReversed());
  assert.equal((await bitsOf(learning, others.scope, await trained(learning, others.scope))).model, forgotten.model);
});

/** Takes a project out and puts it into an account of its own on another server; ids stay. */
async function moved(
  t: TestContext,
  { app, accountId }: LearningApp,
  { projectId }: ProjectScope,
): Promise<LearningApp> {
  const elsewhere = await detectingApp(t);
  const path = join(temporaryFolder(t), 'project.zip');
  const { stream, missing } = await takeOut(app, accountId, { projectId });
  await pipeline(stream, createWriteStream(path));
  assert.deepEqual(missing, []);
  const { projects } = await putBack(elsewhere.app, { source: await fileSource(path) });
  assert.deepEqual(
    projects.map(({ from, outcome }) => [from, outcome]),
    [[projectId, 'restored']],
  );
  return { ...elsewhere, accountId };
}

test('an advanced training of a detector has longer to learn, and an end', async (t) => {
  const learning = await learningApp(t);
  const asked: DetectorPlan[] = [];
  const enough = new AppError('TrainingSetGone', 'enough');
  const fitDetector: Vision['fitDetector'] = async (_set, plan) => {
    asked.push(plan);
    throw enough;
  };
  const app = { ...learning.app, vision: { ...learning.app.vision, fitDetector } };
  const { scope } = await markedProject(learning, squareLabels, pictures);
  for (const trainingType of ['Regular', 'Advanced'] as const) {
    const id = await trained({ ...learning, app }, scope, { trainingType, reservedBudgetInHours: 2, forceTrain: true });
    const failed = (await listIterations(app, scope)).find((one) => one.id === id)!;
    assert.deepEqual([failed.status, failed.trainingType], ['Failed', trainingType]);
    assert.match(failed.trainingErrorDetails!, /enough/);
  }
  const [regular, advanced] = asked as [DetectorPlan, DetectorPlan];
  assert.ok(advanced.steps.whole > regular.steps.whole);
  assert.ok(regular.seconds === undefined && advanced.seconds! < 2 * 3600);
});
