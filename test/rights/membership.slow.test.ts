import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetImages } from '../../src/services/forgetting.ts';
import { findIteration } from '../../src/store/iterations.ts';
import { classify } from '../../src/vision/classify/predict.ts';
import { type Blot, blots } from '../fixtures/blots.ts';
import { doForget, learningApp, projectOf, trained } from '../fixtures/learning.ts';
import { sequence } from '../fixtures/sequence.ts';

const members = 60;
const rounds = 5;

/**
 * The chance that a model's loss is lower on a picture of the first kind than on one of the second (AUC: Mann-Whitney): how
 * well the attack of Yeom et al., Privacy Risk in Machine Learning, 2018, tells who was learned from.
 */
function auc(inside: readonly number[], outside: readonly number[]): number {
  let won = 0;
  for (const a of inside) for (const b of outside) won += a < b ? 1 : a === b ? 0.5 : 0;
  return won / (inside.length * outside.length);
}

test('a loss-threshold attack does not tell forgotten pictures from ones never seen, though it told learned ones', async (t) => {
  const learning = await learningApp(t);
  const { app } = learning;
  const totals = { learned: 0, forgotten: 0 };
  for (let round = 0; round < rounds; round++) {
    const next = sequence(100 + round);
    const drawn = await blots(3 * members, 2, 1000 + round);
    // A third of the labels is wrong: what can be told of these pictures has to be learned by heart.
    const labelled = drawn.map((blot) => ({ ...blot, label: next() < 0.33 ? 1 - blot.kind : blot.kind }));
    const [forgotten, never, stay] = [0, 1, 2].map((part) => labelled.slice(part * members, (part + 1) * members));
    const pictures = [...forgotten!, ...stay!].map(({ bytes, label }) => ({ bytes, tags: [label] }));
    const { scope, imageIds } = await projectOf(learning, 'Multiclass', 2, pictures);
    const iterationId = await trained(learning, scope);
    const position = await tagPositions(iterationId);
    const losses = async (some: readonly (Blot & { readonly label: number })[]): Promise<number[]> => {
      const row = (await findIteration(app.db.query, scope.projectId, iterationId))!;
      const model = await app.models.load(scope, row);
      assert.ok(model.kind === 'classifier');
      const features = await app.vision.features(some.map((one) => one.bytes));
      return some.map(({ label }, n) => -Math.log(classify(model.classifier, features[n]!)[position[label]!]!));
    };
    totals.learned += auc(await losses(forgotten!), await losses(never!)) / rounds;
    const imageIdsGone = imageIds.slice(0, members);
    await forgetImages(app, scope, { imageIds: imageIdsGone, remakeExports: false }, 'en');
    await doForget(learning, scope, iterationId);
    totals.forgotten += auc(await losses(forgotten!), await losses(never!)) / rounds;
  }
  // Standard error of the AUC of n and n where nothing tells them apart: sqrt((2 n + 1) / (12 n n)), over the rounds.
  const error = Math.sqrt((2 * members + 1) / (12 * members * members * rounds));
  t.diagnostic(
    `AUC ${totals.learned.toFixed(3)} learned, ${totals.forgotten.toFixed(3)} forgotten, ± ${error.toFixed(3)}`,
  );
  assert.ok(totals.learned > 0.5 + 5 * error, 'the attack works on who was learned from');
  assert.ok(Math.abs(totals.forgotten - 0.5) < 3 * error, 'and tells nothing of who was forgotten');

  /** Where each tag's probability stands, by the tag's number. */
  async function tagPositions(iterationId: string): Promise<number[]> {
    const rows = await app.db.query
      .selectFrom('iteration_tags')
      .innerJoin('tags', 'tags.id', 'iteration_tags.tag_id')
      .select('position')
      .where('iteration_id', '=', iterationId)
      .orderBy('tags.created')
      .execute();
    return rows.map((row) => row.position);
  }
});
