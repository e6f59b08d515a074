import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bitsOf, doForget, trained } from '../../test/fixtures/learning.ts';
import { detectingApp, markedProject } from '../../test/fixtures/marked.ts';
import { forgetImages } from '../services/forgetting.ts';
import { listIterations } from '../services/iterations.ts';
import { imagePerformanceCount, imagePerformances, iterationPerformance } from '../services/performance.ts';
import { deleteRegions } from '../services/regions.ts';
import { squareLabels, squares } from '../vision/detect/fixture-squares.ts';

const pictures = Array.from({ length: 30 }, (_, n) => squares(n, 96));

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
  assert.ok(performance.averagePrecision > 0.5, String(performance.averagePrecision));

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

  // What forgets three pictures is what another server learns, of the others, put there in another order.
  const before = await bitsOf(learning, scope, id);
  await forgetImages(app, scope, { imageIds: imageIds.slice(0, 3), remakeExports: false }, 'en');
  await doForget(learning, scope, id);
  const after = await bitsOf(learning, scope, id);
  assert.notEqual(after.model, before.model);
  const elsewhere = await detectingApp(t);
  const other = await markedProject(elsewhere, squareLabels, pictures.slice(3).toReversed());
  assert.equal((await bitsOf(elsewhere, other.scope, await trained(elsewhere, other.scope))).model, after.model);
});
