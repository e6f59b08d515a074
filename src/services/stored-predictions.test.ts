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

test('suggested are the most doubtful first, whatever kind of answer it is, and what nothing was found in last', async (t) => {
  const stores = await testStores(t);
  const { scope, tagId } = await project(stores);
  const answers = {
    sure: [0.99, 0.005, 0.005],
    'nothing found': [],
    'two tags in question': [0.5, 0.5, 0],
    'all tags in question': [0.34, 0.33, 0.33],
    'one box in question': [0.6],
    'three boxes in question': [0.6, 0.4, 0.6],
  };
  const names = new Map<string, string>();
  for (const [name, probabilities] of Object.entries(answers)) {
    const [id] = await plant(stores, scope, tagId, [1]);
    const results = JSON.stringify(probabilities.map((probability) => ({ tagId, probability })));
    await stores.db.query
      .updateTable('predictions')
      .set({
        results: sealText(stores.keys, scope, 'predictions.results', id!, results),
        doubt: doubtOf(probabilities.map((probability) => ({ probability }))),
      })
      .where('id', '=', id!)
      .execute();
    names.set(id!, name);
  }
  const { results } = await queryPredictions(stores, scope, { ...everything, orderBy: 'Suggested', maxCount: 10 });
  assert.deepEqual(
    results.map(({ id }) => names.get(id)),
    [
      'three boxes in question',
      'all tags in question',
      'two tags in question',
      'one box in question',
      'sure',
      'nothing found',
    ],
  );
});

test('pages hold to iteration, time, tags and application in every order', async (t) => {
  const stores = await testStores(t);
  const { scope, tagId } = await project(stores);
  const probabilities = Array.from({ length: 40 }, (_, n) => ((n * 7) % 40) / 40 + 0.01);
  const ids = await plant(stores, scope, tagId, probabilities);
  const rows = await stores.db.query.selectFrom('predictions').selectAll().orderBy('created').execute();
  const iterationId = newId();
  for (const [n, { id }] of rows.entries())
    if (n % 4 !== 0)
      await stores.db.query
        .updateTable('predictions')
        .set({
          iteration_id: iterationId,
          application: n % 3 === 0 ? null : sealText(stores.keys, scope, 'predictions.application', id, 'shop'),
        })
        .where('id', '=', id)
        .execute();
  const wanted: PredictionQuery = {
    ...everything,
    iterationId,
    startTime: rows[5]!.created,
    endTime: rows[33]!.created,
    tags: [{ id: tagId, minThreshold: 0.2, maxThreshold: 0.8 }],
    application: 'shop',
  };
  const expected = ids.filter((_, n) => {
    const p = probabilities[n]!;
    return n >= 5 && n <= 33 && n % 4 !== 0 && n % 3 !== 0 && p >= 0.2 && p <= 0.8;
  });
  assert.ok(expected.length > 6);
  for (const orderBy of ['Newest', 'Oldest', 'Suggested'] as const)
    for (const query of [wanted, { ...wanted, tags: [], application: null }]) {
      const seen: string[] = [];
      const whole = await queryPredictions(stores, scope, { ...query, orderBy, maxCount: 100 });
      for (let continuation: string | null = null; ; ) {
        const page = await queryPredictions(stores, scope, { ...query, orderBy, maxCount: 3, continuation });
        seen.push(...page.results.map(({ id }) => id));
        continuation = page.continuation;
        if (continuation === null) break;
      }
      assert.deepEqual(
        seen,
        whole.results.map(({ id }) => id),
        orderBy,
      );
      if (query === wanted) assert.deepEqual(seen.toSorted(), expected.toSorted(), orderBy);
      else assert.equal(seen.length, 22, orderBy);
    }
});

test('a continuation that was changed, or belongs elsewhere, is refused and says what is wrong', async (t) => {
  const stores = await testStores(t);
  const { scope, tagId } = await project(stores);
  const other = (await createProject(stores, scope.accountId, { name: 'other' })).id;
  const ids = await plant(stores, scope, tagId, [0.1, 0.2, 0.3, 0.4]);
  const { continuation } = await queryPredictions(stores, scope, everything);
  const given = continuation!;
  const refused = { code: 'BadRequestPredictionInvalidQueryParameters', message: /as an earlier answer gave it/ };
  const query = { ...everything, continuation: given };
  assert.equal((await queryPredictions(stores, scope, { ...query, maxCount: 50 })).results.length, 2, 'another size');
  for (const orderBy of ['Oldest', 'Suggested'] as const)
    await assert.rejects(queryPredictions(stores, scope, { ...query, orderBy }), refused, orderBy);
  await assert.rejects(queryPredictions(stores, { ...scope, projectId: other }, query), refused);
  for (let at = 0; at < given.length; at++) {
    const changed = given.slice(0, at) + (given[at] === '1' ? '2' : '1') + given.slice(at + 1);
    await assert.rejects(queryPredictions(stores, scope, { ...query, continuation: changed }), refused, changed);
  }
  await assert.rejects(
    queryPredictions(stores, scope, { ...query, continuation: given.replace(/[^_]+(?=_[^_]+$)/, ids[0]!) }),
    refused,
  );
});
