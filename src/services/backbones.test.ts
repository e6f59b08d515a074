import assert from 'node:assert/strict';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { doForget, learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import { plantBackbone, uprootBackbone } from '../../test/fixtures/own-backbone.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, type Stores, temporaryFolder } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { fileSource } from '../base/source.ts';
import { features } from '../jobs/features.ts';
import { usesOfBackbone } from '../store/backbones.ts';
import { createVision } from '../vision/threads/vision-threads.ts';
import { backboneOf, modelsFolder, removeBackbone, setBackbone } from './backbones.ts';
import type { ProjectScope } from './context.ts';
import { examineBackbones } from './doctor-backbones.ts';
import { forgetImages } from './forgetting.ts';
import { deleteIteration, getIteration, listIterations } from './iterations.ts';
import { quickTest } from './predicting.ts';
import { putBack } from './restore/restore.ts';
import { takeOut } from './takeout/takeout.ts';
import { trainProject } from './training.ts';
import { discard } from './trash.ts';

const again = { trainingType: 'Regular', reservedBudgetInHours: 0, forceTrain: false } as const;

test('a project that learns on another backbone', async (t) => {
  const learning = await learningApp(t);
  const { app, accountId } = learning;
  const folder = modelsFolder(app.config);
  plantBackbone(folder);
  const pictures = (await blots(18, 2, 5)).map(({ bytes, kind }) => ({ bytes, tags: [kind] }));
  const { scope, imageIds } = await projectOf(learning, 'Multiclass', 2, pictures);
  const other = await projectOf(learning, 'Multiclass', 2, pictures.slice(0, 2));
  const ask = async (iterationId: string, of: ProjectScope = scope) => {
    const answer = await quickTest(app, of, iterationId, pictures[0]!, { id: newId(), store: false });
    return answer.predictions.map(({ tagName, probability }) => [tagName, probability]);
  };
  const recipes = async (of: ProjectScope = scope) => {
    const rows = await app.db.query
      .selectFrom('image_features')
      .select('recipe')
      .where('project_id', '=', of.projectId)
      .execute();
    return [...new Set(rows.map((row) => row.recipe))];
  };
  const plain = await trained(learning, scope);
  const before = await ask(plain);
  let own = '';

  await t.test('the choice of a project goes before that of its account; features follow', async () => {
    const names = ({ installed }: Awaited<ReturnType<typeof backboneOf>>) => installed.map(({ name }) => name);
    const unset = await backboneOf(app, scope);
    assert.deepEqual([unset.backbone, unset.used, names(unset)], [null, 'ownsight-s', ['ownsight-s', 'mine']]);
    const refused = { code: 'BadRequest', message: /ownsight-s, mine/ };
    await assert.rejects(setBackbone(app, scope, 'none such'), refused);
    await assert.rejects(setBackbone(app, { accountId, projectId: newId() }, 'mine'), { code: 'NotFoundProject' });
    assert.equal((await setBackbone(app, { accountId }, 'mine')).used, 'mine');
    assert.deepEqual((await backboneOf(app, scope)).used, 'mine');
    await setBackbone(app, other.scope, 'ownsight-s');
    assert.deepEqual((await backboneOf(app, other.scope)).used, 'ownsight-s');
    const waiting = await app.db.query.selectFrom('jobs').select('once').where('name', '=', 'features').execute();
    assert.ok(waiting.some((job) => job.once === `features/${scope.projectId}`));
    for (const one of [scope, other.scope]) await features(app, one, jobRun());
    const [mine, builtIn] = [await app.vision.backbone('mine'), await app.vision.backbone()];
    assert.deepEqual([await recipes(), await recipes(other.scope)], [[mine.fingerprint], [builtIn.fingerprint]]);
  });

  await t.test('an iteration answers on the backbone it learned on, whatever the project uses now', async () => {
    own = (await trainProject(app, scope, again)).id;
    await deleteIteration(app, scope, own);
    own = await trained(learning, scope);
    const { reference } = await app.vision.backbone('mine');
    assert.deepEqual(
      (await listIterations(app, scope)).map(({ id, backbone }) => [id, backbone]),
      [
        [own, reference],
        [plain, null],
      ],
    );
    assert.deepEqual(await ask(plain), before);
    assert.notDeepEqual(await ask(own), before);
    const model = await app.models.load(scope, { id: own, model_id: null, backbone: reference });
    assert.equal(model.kind === 'classifier' && model.classifier.mean.length, 1024);
  });

  await t.test(
    'an iteration forgets pictures on its own backbone; the kept features are left as they are',
    async () => {
      await forgetImages(app, scope, { imageIds: [imageIds[17]!], remakeExports: false }, 'en');
      await doForget(learning, scope, plain);
      await doForget(learning, scope, own);
      assert.equal((await recipes()).length, 1);
      assert.equal((await getIteration(app, scope, plain)).backbone, null);
      assert.notDeepEqual(await ask(plain), before);
    },
  );

  await t.test(
    'taken out and put back where the backbone is not, it says what is needed, and then answers',
    async (t) => {
      const file = join(temporaryFolder(t), 'all.zip');
      const takeout = await takeOut(app, accountId, { projectId: scope.projectId });
      writeFileSync(file, await buffer(takeout.stream));
      // Nor is the model as ONNX, which holds the backbone, missing.
      assert.deepEqual(takeout.missing, []);
      uprootBackbone(folder);
      const to = await plantAccount(app as unknown as Stores);
      const { projects } = await putBack(app, { source: await fileSource(file), accountId: to });
      const copy = { accountId: to, projectId: projects[0]!.id };
      const [restored, first] = await listIterations(app, copy);
      const missing = (await backboneOf(app, copy)).missing;
      assert.deepEqual(
        missing.map(({ iterationIds, backbone }) => [iterationIds, backbone]),
        [[[restored!.id], restored!.backbone]],
      );
      assert.match(missing[0]!.message, /ownsight models add FILE --name mine/);
      const refused = { code: 'BadRequestOperationNotSupported', message: missing[0]!.message };
      assert.deepEqual(
        (await examineBackbones(app)).map(({ kind, what }) => [kind, what]),
        [['backbone-missing', `${restored!.backbone}, of iteration ${[own, restored!.id].sort().join(', ')}`]],
      );
      // What was asked lately is still loaded: as after a restart.
      const vision = createVision({ threads: 1, modelsFolder: folder });
      t.after(() => vision.close());
      const restarted = { ...app, vision };
      const asked = (id: string) => quickTest(restarted, copy, id, pictures[0]!, { id: newId(), store: false });
      await assert.rejects(asked(restored!.id), refused);
      assert.equal((await asked(first!.id)).predictions.length, 2);
      await setBackbone(restarted, { accountId }, null);
      plantBackbone(folder, { size: 128 });
      await assert.rejects(asked(restored!.id), { message: /another one/ });
      plantBackbone(folder);
      assert.deepEqual(await examineBackbones(app), []);
      truncateSync(join(folder, 'mine.onnx'), 1_000_000);
      assert.deepEqual(
        (await examineBackbones(app)).map(({ kind }) => kind),
        ['backbone-damaged'],
      );
      plantBackbone(folder);
      assert.equal((await asked(restored!.id)).predictions.length, 2);
    },
  );

  await t.test('who uses a backbone is known, what lies in the trash too', async () => {
    const db = app.db.query;
    await setBackbone(app, scope, 'mine');
    const uses = await usesOfBackbone(db, 'mine');
    assert.deepEqual([uses.accounts, uses.projects, uses.iterations.includes(own)], [[], [scope.projectId], true]);
    await discard(app, scope, { kind: 'iteration', iterationId: own }, { now: false, by: 'command', language: 'en' });
    assert.ok((await usesOfBackbone(db, 'mine')).iterations.includes(own));
    assert.deepEqual(await usesOfBackbone(db, 'min'), { accounts: [], projects: [], iterations: [] });
    const inUse = {
      code: 'Conflict',
      message: new RegExp(`in use by 1 project \\(${scope.projectId}\\), 2 iterations \\(.*${own}`),
    };
    await assert.rejects(removeBackbone(app, 'mine'), inUse);
  });

  await t.test('one that nothing uses is removed; the built-in one is not', async () => {
    await app.db.transaction(async (tx) => {
      await tx.deleteFrom('trash_rows').execute();
      await tx.updateTable('iterations').set({ backbone: null }).execute();
    });
    await setBackbone(app, scope, null);
    await removeBackbone(app, 'mine');
    assert.deepEqual(readdirSync(folder), []);
    await assert.rejects(removeBackbone(app, 'mine'), { code: 'NotFound' });
    await assert.rejects(removeBackbone(app, 'ownsight-s'), { code: 'Conflict' });
  });
});
