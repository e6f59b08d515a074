import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantAccount, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { doubtOf, type PredictionQuery } from '../domain/prediction.ts';
import { sealText } from '../store/sealed.ts';
import type { ProjectScope } from './context.ts';
import { createProject } from './projects.ts';
import { deletePredictions, queryPredictions } from './stored-predictions.ts';
import { createTag } from './tags.ts';

const everything: PredictionQuery = {
  continuation: null,
  maxCount: 2,
  orderBy: 'Newest',
  tags: [],
  iterationId: null,
  startTime: null,
  endTime: null,
  application: null,
};

/** Stores a prediction of one tag with each of the probabilities, one after the other; their ids, oldest first. */
async function plant(stores: Stores, scope: ProjectScope, tagId: string, probabilities: readonly number[]) {
  const rows = probabilities.map((probability) => {
    const id = newId();
    return {
      id,
      project_id: scope.projectId,
      iteration_id: newId(),
      created: stores.clock.now(),
      application: null,
      results: sealText(stores.keys, scope, 'predictions.results', id, JSON.stringify([{ tagId, probability }])),
      doubt: doubtOf([{ probability }]),
      width: 1,
      height: 1,
      format: 'png' as const,
      bytes: 1,
      thumbnail_bytes: 1,
    };
  });
  await stores.db.transaction(async (tx) => {
    await tx.insertInto('predictions').values(rows).execute();
  });
  return rows.map(({ id }) => id);
}

async function project(stores: Stores) {
  const accountId = await plantAccount(stores);
  const scope = { accountId, projectId: (await createProject(stores, accountId, { name: 'pages' })).id };
  return { scope, tagId: (await createTag(stores, scope, { name: 'tag' })).id };
}

test('pages of stored predictions neither skip nor repeat when predictions come and go in between', async (t) => {
  const stores = await testStores(t);
  const { scope, tagId } = await project(stores);
  // The first is the most uncertain, the last the least.
  const ids = await plant(stores, scope, tagId, [0.5, 0.4, 0.65, 0.3, 0.7, 0.8, 0.9]);
  for (const orderBy of ['Newest', 'Oldest', 'Suggested'] as const) {
    const seen: string[] = [];
    const added: string[] = [];
    for (let continuation: string | null = null; ; ) {
      const page = await queryPredictions(stores, scope, { ...everything, orderBy, continuation });
      seen.push(...page.results.map(({ id }) => id));
      if (page.continuation === null) break;
      continuation = page.continuation;
      await deletePredictions(stores, scope, seen.slice(-2));
      // More uncertain than what comes after, and newer than all: only oldest first may still show it.
      added.push(...(await plant(stores, scope, tagId, [0.5])));
    }
    const all = orderBy === 'Oldest' ? [...ids, ...added] : ids;
    assert.deepEqual([...seen].sort(), all.toSorted(), orderBy);
    if (orderBy === 'Suggested') assert.deepEqual([...seen.slice(0, 3)], ids.slice(0, 3));
    else assert.deepEqual(seen, orderBy === 'Newest' ? all.toReversed() : all);
    const left = await queryPredictions(stores, scope, { ...everything, maxCount: 100 });
    await deletePredictions(
      stores,
      scope,
      left.results.map(({ id }) => id),
    );
    ids.splice(0, ids.length, ...(await plant(stores, scope, tagId, [0.5, 0.4, 0.65, 0.3, 0.7, 0.8, 0.9])));
  }
});

test('a long list is read whole, and no page follows the last', async (t) => {
  const stores = await testStores(t);
  const { scope, tagId } = await project(stores);
  const rare = await plant(stores, scope, tagId, [1]);
  await plant(stores, scope, tagId, new Array<number>(600).fill(0.5));
  const tags = [{ id: tagId, minThreshold: 0.9, maxThreshold: 1 }];
  const found = await queryPredictions(stores, scope, { ...everything, maxCount: 1, tags });
  assert.deepEqual([found.results.map(({ id }) => id), found.continuation], [rare, null]);
  const first = await queryPredictions(stores, scope, { ...everything, maxCount: 100 });
  assert.equal(first.results.length, 100);
  assert.notEqual(first.continuation, null);
  for (const continuation of ['zzz', '1', '-1_x', `e_${rare[0]}`])
    await assert.rejects(queryPredictions(stores, scope, { ...everything, continuation }), {
      code: 'BadRequestPredictionInvalidQueryParameters',
    });
});
