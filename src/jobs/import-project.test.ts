import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { blots } from '../../test/fixtures/blots.ts';
import { copyProject, exportToken } from '../../test/fixtures/copying.ts';
import { bitsOf, learningApp, projectOf, trained } from '../../test/fixtures/learning.ts';
import { jobRun } from '../../test/fixtures/run.ts';
import { plantAccount, type Stores } from '../../test/fixtures/stores.ts';
import { day } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import type { Project } from '../domain/project.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { importProject } from '../services/copying/import.ts';
import { exportProject, handOver } from '../services/copying/offer.ts';
import { createFetcher } from '../services/fetcher-http.ts';
import { deleteProject, getAnyProject, requireProject } from '../services/projects.ts';
import { listRestores } from '../services/restore/restores.ts';
import { createTag } from '../services/tags.ts';
import { setTier } from '../services/tiers.ts';
import { trainProject } from '../services/training.ts';
import { createTransfers } from '../services/transfers.ts';
import { discard } from '../services/trash.ts';
import { createImages } from '../services/uploading.ts';
import { blobKey } from '../store/blobs.ts';
import { countRows } from '../store/erase.ts';
import { importProject as bring, importFailed } from './import-project.ts';
import { purge } from './purge.ts';

test('copying projects', async (t) => {
  const learning = await learningApp(t);
  const fetcher = createFetcher({ allowNetworks: [], timeoutMs: 2000 });
  const app = { ...learning.app, fetcher, transfers: createTransfers() } as App & Stores;
  const other = await plantAccount(app);
  const pictures = (await blots(20, 3, 1)).map(({ bytes, kind }) => ({ bytes, tags: [kind] }));
  const { scope: source, imageIds } = await projectOf(learning, 'Multiclass', 3, pictures.slice(2));
  const iterationId = await trained(learning, source);
  const how = { now: false, by: 'command', language: 'en' } as const;
  const toTrash = (ids: readonly string[]) =>
    discard(app, source, { kind: 'images', imageIds: ids, allImages: false, allIterations: false }, how);

  const token = (): Promise<string> => exportToken(app, source);
  const begin = async (of: string, accountId = other): Promise<ProjectScope> => ({
    accountId,
    projectId: (await importProject(app, accountId, { token: of })).id,
  });
  const statusOf = async (scope: ProjectScope): Promise<Project['status']> => (await getAnyProject(app, scope)).status;
  const copy = (): Promise<ProjectScope> => copyProject(app, source, other);
  const iterationOf = async ({ projectId }: ProjectScope) =>
    app.db.query.selectFrom('iterations').selectAll().where('project_id', '=', projectId).executeTakeFirstOrThrow();
  const rowsOf = async (scope: ProjectScope) => {
    const { projects, loose_blobs, jobs, erasures, ...content } = await countRows(app.db.query, scope);
    return Object.fromEntries(Object.entries(content).filter(([, count]) => count > 0));
  };
  const filesOf = async ({ accountId, projectId }: ProjectScope) =>
    (await Array.fromAsync(app.blobs.list(`${accountId}/${projectId}/`))).length;

  await t.test('a model is the same to the last bit, and the set it learned from is known', async () => {
    const target = await copy();
    const [from, to] = [
      await bitsOf(learning, source, iterationId),
      await bitsOf(learning, target, (await iterationOf(target)).id),
    ];
    assert.equal(to.model, from.model);
    const results = (list: string[]) => list.map((one) => one.slice(37)).sort();
    assert.deepEqual(results(to.results), results(from.results));
    await assert.rejects(
      trainProject(app, target, { trainingType: 'Regular', reservedBudgetInHours: 0, forceTrain: false }),
      {
        code: 'BadRequestTrainingNotNeeded',
      },
    );
  });

  await t.test(
    'what is in the trash stays there, but for what an iteration learned from; nothing tells of the account',
    async () => {
      const entries = pictures
        .slice(0, 2)
        .map(({ bytes }) => ({ source: { bytes }, name: '', tagIds: [], regions: [] }));
      const { images } = await createImages(app, source, entries, { tagIds: [], metadata: null });
      await toTrash([imageIds[0]!, images[0]!.image!.id]);
      const counts = await exportProject(app, source, 'primary');
      assert.deepEqual([counts.imageCount, counts.tagCount, counts.iterationCount], [18, 3, 1]);
      const target = await copy();
      const rows = app.db.query.selectFrom('images').select('workspace').where('project_id', '=', target.projectId);
      const workspace = (await rows.execute()).map((row) => row.workspace);
      assert.deepEqual([workspace.length, workspace.filter((one) => one === 1).length], [19, 18]);
      const archive = await buffer(await handOver(app, source, new AbortController().signal));
      for (const secret of [source.accountId, 'content of accounts', images[0]!.image!.id, 'audit'])
        assert.ok(!archive.includes(secret), secret);
      // A purge in the midst of an import leaves what waits for its iteration.
      const half = await begin(await token());
      const stop = new AbortController();
      let purged = false;
      const run = jobRun({
        fence: async (tx) => {
          const { n } = await tx
            .selectFrom('images')
            .select((at) => at.fn.countAll().as('n'))
            .where('project_id', '=', half.projectId)
            .executeTakeFirstOrThrow();
          if (Number(n) === 19 && !purged) {
            purged = true;
            stop.abort(new Error('stopped here'));
          }
        },
        signal: stop.signal,
      });
      await assert.rejects(bring(app, half, run), /stopped here/);
      const before = await rowsOf(half);
      assert.equal(before.images, 19);
      await purge(app, half, jobRun());
      assert.deepEqual(await rowsOf(half), before);
      await bring(app, half, jobRun());
      assert.deepEqual(await rowsOf(half), await rowsOf(target));
      assert.equal(await filesOf(half), await filesOf(target));
    },
  );

  await t.test('a token ends after a day, and is for its project only', async () => {
    const own = await token();
    app.clock.turn(day - 5_000_000);
    await deleteProject(app, await begin(own));
    app.clock.turn(5_000_000);
    await assert.rejects(begin(own), { code: 'BadRequestInvalidImportToken' });
  });

  await t.test('an import that its token no longer allows fails for good, says why, and leaves nothing', async () => {
    const target = await begin(await token());
    app.clock.turn(day);
    await bring(app, target, jobRun());
    assert.equal(await statusOf(target), 'Failed');
    assert.deepEqual(await rowsOf(target), {});
    assert.equal(await filesOf(target), 0);
    await assert.rejects(requireProject(app.db.query, target), { code: 'Conflict' });
    const [told] = await listRestores(app, other);
    assert.equal(told!.state, 'Failed');
    assert.match(told!.reason!, /token/);
    const row = await app.db.query
      .selectFrom('projects')
      .select('import_token')
      .where('id', '=', target.projectId)
      .executeTakeFirst();
    assert.equal(row!.import_token, null);
    await deleteProject(app, target);
    await purge(app, target, jobRun());
    await assert.rejects(getAnyProject(app, target), { code: 'NotFoundProject' });
  });

  await t.test('a passing failure is tried again; the last one, and a worker that died, leave nothing', async () => {
    const target = await begin(await token());
    const broken = { ...app, blobs: { ...app.blobs, put: async () => Promise.reject(new Error('the disk is away')) } };
    await assert.rejects(bring(broken, target, jobRun()), /the disk is away/);
    assert.equal(await statusOf(target), 'Importing');
    await bring(app, target, jobRun());
    assert.equal(await statusOf(target), 'Succeeded');
    const last = await begin(await token());
    await bring(broken, last, jobRun({ last: true }));
    assert.equal(await statusOf(last), 'Failed');
    assert.deepEqual(await rowsOf(last), {});
    const died = await begin(await token());
    await importFailed(app, died);
    assert.equal(await statusOf(died), 'Failed');
  });

  await t.test('one that is deleted in the midst is not brought any further', async () => {
    const target = await begin(await token());
    let fences = 0;
    const run = jobRun({
      fence: async () => {
        if (++fences === 3) throw new Error('no longer ours');
      },
    });
    await assert.rejects(bring(app, target, run), /no longer ours/);
    await deleteProject(app, target);
    await bring(app, target, jobRun());
    await purge(app, target, jobRun());
    assert.deepEqual(await rowsOf(target), {});
    assert.equal(await filesOf(target), 0);
  });

  await t.test('more than the tier of the account allows is refused beforehand', async () => {
    const small = await plantAccount(app);
    await setTier(app, small, 'F0');
    const own = await token();
    await begin(own, small);
    await begin(own, small);
    await assert.rejects(begin(own, small), { code: 'BadRequestExceedProjectLimit' });
    const free = await plantAccount(app);
    for (let n = 3; n < 51; n++) await createTag(app, source, { name: `tag ${n}` });
    const large = await begin(await token(), free);
    await setTier(app, free, 'F0');
    await assert.rejects(begin(await token(), free), { code: 'BadRequestExceedTagPerProjectLimit' });
    // The same when it was not known beforehand.
    await bring(app, large, jobRun());
    assert.equal(await statusOf(large), 'Failed');
    assert.deepEqual(await rowsOf(large), {});
  });

  await t.test('what is no archive of a project fails for good', async () => {
    const info = {
      format: 'ownsight-project-export/1',
      bytes: 10,
      imageCount: 1,
      tagCount: 1,
      regionCount: 0,
      iterationCount: 0,
    };
    const project = {
      name: 'Far',
      description: '',
      domainId: 'ee85a74c-405e-4adc-bb47-ffa8ca0c9f31',
      targetExportPlatforms: [],
    };
    const far = {
      ...app,
      fetcher: {
        ...fetcher,
        fetch: async () => Buffer.from(JSON.stringify({ ...info, project })),
        stream: () => Readable.from([Buffer.from('no archive')]),
      },
    };
    const address = `https://far/prjexp-${newId().replaceAll('-', '')}/project-export-info?sig=x&se=y`;
    const made = await importProject(far, other, { token: address });
    assert.deepEqual([made.name, made.status], ['Far (1)', 'Importing']);
    const target = { accountId: other, projectId: made.id };
    await bring(far, target, jobRun());
    assert.equal(await statusOf(target), 'Failed');
    assert.match((await listRestores(app, other))[0]!.reason!, /a zip or a tar/);
  });

  await t.test(
    'what is being trained, has lost its model or still knows what it was to forget is not handed out',
    async () => {
      const refused = (code: string) => assert.rejects(exportProject(app, source, 'primary'), { code });
      const set = (changes: object) =>
        app.db.query.updateTable('iterations').set(changes).where('id', '=', iterationId).execute();
      await set({ status: 'Training' });
      await refused('BadRequestExportWhileTraining');
      await set({ status: 'Completed', rebuild: 'Waiting' });
      await refused('BadRequestExportWhileTraining');
      await set({ rebuild: 'Failed' });
      await refused('BadRequestIterationValidationFailed');
      await set({ rebuild: null });
      await app.blobs.delete([blobKey(source.accountId, source.projectId, 'model', iterationId)]);
      await refused('BadRequestIterationValidationFailed');
    },
  );
});
