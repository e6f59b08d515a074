import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ProjectScope } from '../../src/services/context.ts';
import { forgetImages } from '../../src/services/forgetting.ts';
import { deleteIteration } from '../../src/services/iterations.ts';
import { holdingsOf } from '../../src/store/holdings.ts';
import { blots } from '../fixtures/blots.ts';
import { bitsOf, doForget, type LearningApp, learningApp, projectOf, trained } from '../fixtures/learning.ts';
import { sequence } from '../fixtures/sequence.ts';

/**
 * Forgets at least `count` random pictures of random small projects of both kinds, one or several at a time, and holds each
 * model and each held-out result to those of a training that never had them: bit by bit.
 */
export async function assertForgotten(t: TestContext, count: number, seed: number): Promise<void> {
  const learning = await learningApp(t);
  const { app } = learning;
  const next = sequence(seed);
  for (let forgotten = 0; forgotten < count; ) {
    const kind = next() < 0.5 ? 'Multiclass' : 'Multilabel';
    const tags = 2 + Math.floor(next() * 3);
    const perTag = 7 + Math.floor(next() * 4);
    const drawn = await blots(tags * perTag, tags, Math.floor(next() * 2 ** 31));
    const pictures = drawn.map((blot) => {
      const more = kind === 'Multilabel' && next() < 0.3 ? [(blot.kind + 1) % tags] : [];
      return { bytes: blot.bytes, tags: [blot.kind, ...more] };
    });
    const { scope, imageIds } = await projectOf(learning, kind, tags, pictures);
    let iterationId = await trained(learning, scope);
    // One picture of each tag goes at most, so that enough are left to train on.
    for (let turn = 0; turn < 2 && forgotten < count; turn++) {
      const first = Math.floor(next() * tags);
      const gone = imageIds.slice(turn * tags + first, turn * tags + first + 1 + Math.floor(next() * (tags - first)));
      const before = await bitsOf(learning, scope, iterationId);
      const had = await amounts(learning, scope);
      const { deletion } = await forgetImages(app, scope, { imageIds: gone, remakeExports: false }, 'en');
      await doForget(learning, scope, iterationId);
      const has = await amounts(learning, scope);
      const went = [...had].filter(([kind, { count }]) => count !== has.get(kind)!.count);
      assert.deepEqual(
        deletion.kinds.map(({ kind, count, bytes }) => [kind, count, bytes]).sort(),
        went
          .map(([kind, { count, bytes }]) => [kind, count - has.get(kind)!.count, bytes - has.get(kind)!.bytes])
          .sort(),
        'what was foretold is what went',
      );
      const rebuilt = await bitsOf(learning, scope, iterationId);
      const fresh = await trained(learning, scope);
      const what = `seed ${seed}, after ${forgotten} pictures: ${kind}, ${tags} tags of ${perTag}, without ${gone.length}`;
      assert.deepEqual(rebuilt, await bitsOf(learning, scope, fresh), what);
      assert.notEqual(rebuilt.model, before.model, what);
      assert.ok(
        rebuilt.results.every((line) => gone.every((id) => !line.startsWith(id))),
        what,
      );
      forgotten += gone.length;
      // The next turn looks at one that has forgotten before, or at one that never learned them.
      const [kept, other] = next() < 0.5 ? [iterationId, fresh] : [fresh, iterationId];
      await deleteIteration(app, scope, other);
      iterationId = kept;
    }
  }
}

/** What there is of each kind in a project. */
async function amounts({ app }: LearningApp, scope: ProjectScope) {
  const rows = await holdingsOf(app.db.query, scope.accountId);
  return new Map(rows.filter((row) => row.scope_id === scope.projectId).map((row) => [row.kind, row]));
}
