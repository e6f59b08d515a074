import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { type LearningApp, learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import type { TrainingProgress } from '../domain/progress.ts';
import { forget } from '../jobs/forget.ts';
import { purge } from '../jobs/purge.ts';
import { train } from '../jobs/train.ts';
import { blobKey } from '../store/blobs.ts';
import { readAudit, verifyAudit } from './audit.ts';
import type { ProjectScope } from './context.ts';
import { forgetImages } from './forgetting.ts';
import { deleteImages } from './images.ts';
import { cancelTraining, listIterations } from './iterations.ts';
import { listReceipts } from './receipts.ts';
import { trainProject } from './training.ts';
import { trainingProgress, watchTraining } from './training-progress.ts';

let pictures: { bytes: Uint8Array; tags: number[] }[];
before(async () => {
  pictures = (await blots(14, 2, 1)).map(({ bytes, kind }) => ({ bytes, tags: [kind] }));
});

const begin = async ({ app }: LearningApp, scope: ProjectScope): Promise<string> => {
  const input = { trainingType: 'Regular', reservedBudgetInHours: 0, forceTrain: true } as const;
  return (await trainProject(app, scope, input)).id;
};

test('a training is followed from waiting to its end, in the language asked for', async (t) => {
  const own = await learningApp(t);
  const { app } = own;
  const { scope } = await projectOf(own, 'Multiclass', 2, pictures);
  const iterationId = await begin(own, scope);
  const look = (language: 'en' | 'it' = 'en') => trainingProgress(app, scope, iterationId, language);
  const waiting = await look();
  assert.deepEqual([waiting.state, waiting.fraction, waiting.begun], ['Waiting', 0, null]);
  assert.equal((await look('it')).says, 'Attende il suo turno.');

  const watch = watchTraining(app, scope, iterationId, 'en', new AbortController().signal);
  const seen = [(await watch.next()).value as TrainingProgress];
  const watching = (async () => {
    for await (const one of watch) seen.push(one);
  })();
  const looks: Promise<TrainingProgress>[] = [];
  await train(app, { ...scope, iterationId }, jobRun({ progress: () => void looks.push(look()) }));
  await watching;
  assert.equal(seen[0]!.state, 'Waiting');
  assert.deepEqual({ ...seen.at(-1)!, secondsLeft: null }, await look());
  const running = (await Promise.all(looks)).filter(({ state }) => state === 'Running');
  assert.ok(running.some(({ phase, steps }) => phase === 'features' && steps === 14));
  const head = running.findLast(({ phase }) => phase === 'head')!;
  assert.equal(head.purpose, 'Training');
  assert.ok(head.step! >= 1 && head.steps === 8 && head.loss! < 1 && head.score! > 0.5 && head.fraction > 0.7);
  assert.match(head.says, /learns to tell the tags apart/);
  assert.deepEqual(head.log[0], { ...head.log[0]!, phase: 'features', step: 0, steps: 14, loss: null, note: null });
  assert.equal(head.log.at(-1)!.score, head.score);
  const fractions = running.map(({ fraction }) => fraction);
  assert.deepEqual(fractions, fractions.toSorted());

  const done = await look();
  assert.deepEqual([done.state, done.fraction, done.phase, done.log.length], ['Completed', 1, null, 0]);
  await assert.rejects(
    look
      .call(undefined, 'en')
      .then(() => trainingProgress(app, { ...scope, accountId: scope.projectId }, iterationId, 'en')),
    {
      code: 'NotFoundProject',
    },
  );
});

test('a training that is cancelled is as if it had never been, but for a line in the log', async (t) => {
  const own = await learningApp(t);
  const { app, accountId } = own;
  const { scope, imageIds } = await projectOf(own, 'Multiclass', 2, pictures);
  const first = await trained(own, scope);
  const before = await listIterations(app, scope);
  const receipts = await listReceipts(app, accountId);
  const entries = (await readAudit(app, accountId)).entries.length;
  const held = () =>
    Promise.all(
      (['iteration_images', 'iteration_tags', 'iterations', 'loose_blobs'] as const).map((table) =>
        app.db.query.selectFrom(table).selectAll().execute(),
      ),
    );
  const rows = await held();

  for (const when of ['waiting', 'running'] as const) {
    const iterationId = await begin(own, scope);
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const one of watchTraining(app, scope, iterationId, 'en', stop.signal)) seen.push(one.state);
    })();
    if (when === 'waiting') await cancelTraining(app, scope, iterationId);
    else {
      const abort = new AbortController();
      const run = jobRun({
        signal: abort.signal,
        // As its worker does at the next heartbeat.
        progress: () =>
          void cancelTraining(app, scope, iterationId).then(
            () => abort.abort(new Error('cancelled')),
            () => undefined,
          ),
      });
      await assert.rejects(train(app, { ...scope, iterationId }, run), /cancelled/);
    }
    await purge(app, scope, jobRun());
    await watching;
    assert.equal(seen.at(-1), 'Cancelled');
    assert.deepEqual(await listIterations(app, scope), before);
    assert.deepEqual(await held(), rows);
    await assert.rejects(trainingProgress(app, scope, iterationId, 'en'), { code: 'NotFoundIteration' });
    const jobs = await app.db.query.selectFrom('jobs').select('payload').execute();
    assert.ok(jobs.every(({ payload }) => !payload.includes(iterationId)));
    const { entries: log } = await readAudit(app, accountId);
    assert.deepEqual([log.at(-1)!.action, log.at(-1)!.subjectId], ['training-cancelled', iterationId]);
  }
  assert.equal((await readAudit(app, accountId)).entries.length, entries + 2);
  assert.deepEqual((await verifyAudit(app, accountId)).faults, []);
  assert.deepEqual(await listReceipts(app, accountId), receipts);
  await assert.rejects(cancelTraining(app, scope, first), { code: 'BadRequest', message: /has ended/ });

  // What it alone still kept goes with it, and has its receipt.
  const last = await begin(own, scope);
  assert.equal((await listIterations(app, scope))[0]!.name, 'Iteration 2');
  await app.db.query
    .deleteFrom('iteration_images')
    .where('iteration_id', '=', first)
    .where('image_id', '=', imageIds[0]!)
    .execute();
  await deleteImages(app, scope, { imageIds: [imageIds[0]!], allImages: false, allIterations: false });
  await cancelTraining(app, scope, last);
  await purge(app, scope, jobRun());
  const [receipt] = await listReceipts(app, accountId);
  assert.equal(
    (
      JSON.parse(Buffer.from(receipt!.receipt!.split('.')[1]!, 'base64url').toString()) as {
        erased: { images: number };
      }
    ).erased.images,
    1,
  );
});

test('a training that forgets is followed too, but is stopped elsewhere; if it fails it says why', async (t) => {
  const own = await learningApp(t);
  const { app } = own;
  const { scope, imageIds } = await projectOf(own, 'Multiclass', 2, pictures);
  const iterationId = await trained(own, scope);
  await forgetImages(app, scope, { imageIds: [imageIds[0]!], remakeExports: false }, 'en');
  const look = () => trainingProgress(app, scope, iterationId, 'en');
  assert.deepEqual([(await look()).state, (await look()).purpose], ['Waiting', 'Forgetting']);
  await assert.rejects(cancelTraining(app, scope, iterationId), { code: 'BadRequest', message: /forgetting/ });
  const looks: Promise<TrainingProgress>[] = [];
  const lost = blobKey(scope.accountId, scope.projectId, 'image-original', imageIds[1]!);
  const file = await app.blobs.get(lost);
  await app.blobs.delete([lost]);
  await app.db.query.updateTable('image_features').set({ recipe: 'of an older network' }).execute();
  await forget(app, { ...scope, iterationId }, jobRun());
  const failed = await look();
  assert.deepEqual([failed.state, failed.purpose], ['Failed', 'Forgetting']);
  assert.match(failed.reason!, new RegExp(`image ${imageIds[1]} cannot be read: .* Delete .* train again`));
  await app.blobs.put(lost, file!);
  assert.equal((await listIterations(app, scope))[0]!.trainingErrorDetails, null);
  await app.db.query.updateTable('iterations').set({ rebuild: 'Waiting' }).execute();
  await forget(app, { ...scope, iterationId }, jobRun({ progress: () => void looks.push(look()) }));
  assert.ok((await Promise.all(looks)).some(({ state, purpose }) => state === 'Running' && purpose === 'Forgetting'));
  const done = await look();
  assert.deepEqual([done.state, done.purpose, done.reason], ['Completed', 'Training', null]);
});
