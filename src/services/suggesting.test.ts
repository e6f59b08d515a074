import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { doForget, learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import type { handClock } from '../../test/fixtures/stores.ts';
import { unzip } from '../../test/fixtures/unzip.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import type { SuggestionQuery } from '../domain/suggestion.ts';
import { forgetImages } from './forgetting.ts';
import { createImageTags } from './image-tags.ts';
import { deleteImages } from './images.ts';
import { deleteIteration } from './iterations.ts';
import { sweepExpired } from './retention.ts';
import { countSuggestions, querySuggestions, suggest } from './suggesting.ts';
import { takeOut } from './takeout/takeout.ts';
import { discard } from './trash.ts';

const everything: SuggestionQuery = {
  tagIds: [],
  threshold: 0,
  continuation: null,
  maxCount: 0,
  sortBy: 'UncertaintyAscending',
};

/** An iteration that learned two kinds of blots, and what it suggested for four it had not seen, two of each kind. */
async function suggested(t: TestContext) {
  const learning = await learningApp(t);
  const { app } = learning;
  const drawn = await blots(16, 2, 5);
  const pictures = drawn.map(({ bytes, kind }, n) => ({ bytes, tags: n < 12 ? [kind] : [] }));
  const { scope, imageIds } = await projectOf(learning, 'Multiclass', 2, pictures);
  const iterationId = await trained(learning, scope);
  const untagged = imageIds.slice(12).reverse();
  const suggestions = await suggest(app, scope, iterationId, untagged);
  const kept = async (query: Partial<SuggestionQuery> = {}) =>
    (await querySuggestions(app, scope, iterationId, { ...everything, ...query })).results.map(({ id }) => id);
  return { learning, app, scope, iterationId, imageIds, untagged, suggestions, kept };
}

/** What is sure, as some answers are to the last digit, has none. */
const entropyOf = (p: number): number => (p === 0 ? 0 : -p * Math.log(p));

test('an iteration suggests tags; what it suggested is found by tag, probability and uncertainty, and counted', async (t) => {
  const { app, scope, iterationId, untagged, suggestions, kept } = await suggested(t);
  assert.deepEqual(
    suggestions.map(({ id }) => id),
    untagged,
  );
  for (const { predictions, uncertainty } of suggestions) {
    assert.equal(predictions.length, 2);
    const entropy = predictions.reduce((sum, { probability: p }) => sum + entropyOf(p) + entropyOf(1 - p), 0);
    assert.ok(Math.abs(uncertainty - entropy) < 1e-9);
  }
  // Equally certain, to a millionth of a millionth, they are in the order of their ids.
  const rank = ({ uncertainty }: { readonly uncertainty: number }): number => Math.round(1e12 * uncertainty);
  const byUncertainty = suggestions.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
  assert.deepEqual(await kept(), byUncertainty);
  assert.deepEqual(await kept({ sortBy: 'UncertaintyDescending' }), byUncertainty.toReversed());
  const { results } = await querySuggestions(app, scope, iterationId, everything);
  assert.deepEqual(results[0]?.predictions, suggestions.find(({ id }) => id === byUncertainty[0])?.predictions);
  assert.equal(results[0]?.image.width, 48);

  const counts = await countSuggestions(app, scope, iterationId, { tagIds: [], threshold: 0.5 });
  assert.equal(counts.size, 2);
  for (const [tagId, count] of counts) {
    const sure = suggestions.filter((one) => one.predictions.some((p) => p.tagId === tagId && p.probability >= 0.5));
    assert.equal(count, sure.length);
    assert.deepEqual((await kept({ tagIds: [tagId], threshold: 0.5 })).sort(), sure.map(({ id }) => id).sort());
    assert.deepEqual(
      [...(await countSuggestions(app, scope, iterationId, { tagIds: [tagId], threshold: 0 }))],
      [[tagId, 4]],
    );
  }
  for (const sortBy of ['UncertaintyAscending', 'UncertaintyDescending'] as const) {
    const seen: string[] = [];
    for (let continuation: string | null = null; ; ) {
      const query = { ...everything, sortBy, maxCount: 3, continuation };
      const page = await querySuggestions(app, scope, iterationId, query);
      seen.push(...page.results.map(({ id }) => id));
      continuation = page.continuation;
      if (continuation === null) break;
    }
    assert.deepEqual(seen, sortBy === 'UncertaintyAscending' ? byUncertainty : byUncertainty.toReversed());
  }
});

test('a suggestion is kept until its image has a tag or goes, and for 30 days at the longest', async (t) => {
  const { app, scope, iterationId, imageIds, untagged, kept } = await suggested(t);
  const [first, second, third, fourth] = untagged as [string, string, string, string];
  const [tag] = await app.db.query.selectFrom('tags').select('id').where('project_id', '=', scope.projectId).execute();
  await createImageTags(app, scope, [{ imageId: first, tagId: tag!.id }]);
  await deleteImages(app, scope, { imageIds: [second], allImages: false, allIterations: false });
  assert.deepEqual(new Set(await kept()), new Set([third, fourth]));
  // One that has a tag is suggested some, which are not kept.
  assert.equal((await suggest(app, scope, iterationId, [imageIds[0]!])).length, 1);
  assert.equal((await kept()).length, 2);

  const { stream } = await takeOut(app, scope.accountId);
  const files = await unzip(await buffer(stream));
  const rows = [...files].find(([name]) => name.endsWith('rows/suggestions-00001.jsonl'))![1].toString();
  assert.equal(rows.trimEnd().split('\n').length, 2);
  assert.match(rows, /"results":\[\{"tagId":"[^"]+","probability":/);

  const clock = app.clock as ReturnType<typeof handClock>;
  clock.turn(29 * day);
  await suggest(app, scope, iterationId, [fourth]);
  clock.turn(2 * day);
  assert.equal(await sweepExpired(app, scope), 1);
  assert.deepEqual(await kept(), [fourth]);
});

test('suggestions go with the iteration, or with what it knew before it forgot', async (t) => {
  const { learning, app, scope, iterationId, imageIds, untagged } = await suggested(t);
  const count = async () => (await app.db.query.selectFrom('suggestions').select('image_id').execute()).length;
  await forgetImages(app, scope, { imageIds: [imageIds[0]!], remakeExports: false }, 'en');
  await doForget(learning, scope, iterationId);
  assert.equal(await count(), 0);
  await suggest(app, scope, iterationId, untagged);
  assert.equal(await count(), 4);
  const other = await trained(learning, scope);
  await suggest(app, scope, other, untagged);
  const removal = await discard(
    app,
    scope,
    { kind: 'iteration', iterationId: other },
    { now: false, by: 'command', language: 'en' },
  );
  assert.equal(removal.kinds.find(({ kind }) => kind === 'suggestions')?.count, 4);
  assert.equal(await count(), 4);
  await deleteIteration(app, scope, iterationId);
  assert.equal(await count(), 0);
  await assert.rejects(suggest(app, scope, iterationId, untagged), { code: 'NotFoundIteration' });
});

test('what cannot be suggested is refused', async (t) => {
  const { app, scope, iterationId, untagged } = await suggested(t);
  assert.deepEqual(await suggest(app, scope, iterationId, []), []);
  await assert.rejects(suggest(app, scope, iterationId, [untagged[0]!, newId()]), { code: 'NotFoundImage' });
  await assert.rejects(suggest(app, scope, newId(), untagged), { code: 'NotFoundIteration' });
  await assert.rejects(suggest(app, { ...scope, projectId: newId() }, iterationId, untagged), {
    code: 'NotFoundProject',
  });
  await assert.rejects(querySuggestions(app, scope, iterationId, { ...everything, continuation: 'x' }), {
    code: 'BadRequestInvalid',
  });
  await app.db.query.updateTable('iterations').set({ status: 'Training' }).where('id', '=', iterationId).execute();
  await assert.rejects(querySuggestions(app, scope, iterationId, everything), {
    code: 'BadRequestIterationIsNotTrained',
  });
});
