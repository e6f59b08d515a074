import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { openSqlite } from '../../src/store/database-sqlite.ts';
import { type Forgetting, forgettingServer, type Told } from '../fixtures/forgetting.ts';
import { runOwnsight, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

/** A folder for data and keys, removed with the server on it when the test ends. */
function homeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-forget-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

/** In how many files below a folder any of these byte strings occurs. */
function filesWith(folder: string, needles: readonly Buffer[]): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return files.filter((one) => {
    const bytes = readFileSync(join(one.parentPath, one.name));
    return needles.some((needle) => bytes.includes(needle));
  }).length;
}

/** Pieces of what is sealed: any of them, wherever it lies, is a trace. */
const pieces = (bytes: Buffer): Buffer[] =>
  [0.1, 0.5, 0.9].map((part) =>
    bytes.subarray(Math.floor(part * (bytes.length - 32)), 32 + Math.floor(part * (bytes.length - 32))),
  );

test('of the old model, its export, the picture and its features no byte is left in any file', async (t) => {
  const home = homeOf(t);
  const server = await startServer({ home });
  t.after(() => server.stop());
  const at = forgettingServer(server);
  const { projectId, byTag } = await at.project('traces');
  const iterationId = await at.train(projectId);
  const { training } = at.clients;
  await training.exportIteration(projectId, iterationId, 'ONNX');
  const exports = () => training.getExports(projectId, iterationId);
  const [exported] = await until(exports, ([one]) => one?.status === 'Done');
  const gone = byTag.get('Mug')![2]!;
  const { exports: foretold } = await at.own<Told>(`/projects/${projectId}/images/forget?imageIds=${gone}`);
  const blob = (kind: string, id: string) => readFileSync(join(home, 'blobs', server.account, projectId, kind, id));
  const db = await openSqlite(join(home, 'ownsight.db'));
  const { features } = await db.query
    .selectFrom('image_features')
    .select('features')
    .where('image_id', '=', gone)
    .executeTakeFirstOrThrow();
  const { scores } = await db.query
    .selectFrom('iteration_images')
    .select('scores')
    .where('image_id', '=', gone)
    .executeTakeFirstOrThrow();
  await db.close();
  const traces = {
    export: pieces(blob('export', foretold[0]!.exportId)),
    model: pieces(blob('model', iterationId)),
    picture: pieces(blob('image-original', gone)),
    thumbnail: pieces(blob('image-thumbnail', gone)),
    features: pieces(features),
    result: [scores!],
  };
  for (const [what, needles] of Object.entries(traces))
    assert.ok(filesWith(home, needles) > 0, `${what} is there before`);
  await at.finished(projectId, (await at.forget(projectId, [gone], { remakeExports: true })).receiptId);
  const [again, ...more] = await until(exports, ([one]) => one?.status === 'Done');
  assert.equal(more.length, 0);
  assert.notEqual(again!.downloadUri, exported!.downloadUri);
  assert.equal((await fetch(again!.downloadUri!)).status, 200);
  for (const [what, needles] of Object.entries(traces)) assert.equal(filesWith(home, needles), 0, what);
  const { output } = await runOwnsight(home, ['doctor']);
  assert.doesNotMatch(output, /missing|damaged|orphaned|miscounted/);
});

test('killed while a model forgets, it goes on at the next start, and ends as if nothing had happened', async (t) => {
  const home = homeOf(t);
  let server = await startServer({ home });
  t.after(() => server.stop());
  let at = forgettingServer(server);
  const { projectId, byTag } = await at.project('kills', 9);
  const iterationId = await at.train(projectId);
  await at.clients.training.publishIteration(projectId, iterationId, 'live', 'resource');
  const [unseen] = await samplePictures({ seed: 7, perClass: 1 });
  const moments: ((receiptId: string) => Promise<unknown>)[] = [
    async () => undefined,
    (receiptId) =>
      until(
        () => at.own<Forgetting[]>(`/projects/${projectId}/forgetting`),
        (all) =>
          all.some((one) => one.receiptId === receiptId && one.iterations.some((each) => each.state !== 'Waiting')),
      ),
    (receiptId) =>
      until(
        () => at.own<Forgetting[]>(`/projects/${projectId}/forgetting`),
        (all) => all.some((one) => one.receiptId === receiptId && one.state !== 'Rebuilding'),
      ),
  ];
  for (const [n, moment] of moments.entries()) {
    const { receiptId } = await at.forget(projectId, [byTag.get('Leaf')![n]!]);
    await moment(receiptId);
    await server.kill();
    server = await startServer({ home });
    at = forgettingServer(server);
    const answer = await at.clients.prediction.classifyImageWithNoStore(projectId, 'live', unseen!.bytes);
    assert.equal(answer.iteration, iterationId);
    await at.finished(projectId, receiptId);
  }
  const fresh = await at.train(projectId);
  assert.deepEqual(await at.answers(projectId, iterationId), await at.answers(projectId, fresh));
  const { output } = await runOwnsight(home, ['doctor']);
  assert.doesNotMatch(output, /missing|damaged|orphaned|miscounted/);
});

test('what has forgotten a picture answers as the same project elsewhere that never had it', async (t) => {
  const [home, elsewhere] = [homeOf(t), homeOf(t)];
  const server = await startServer({ home });
  t.after(() => server.stop());
  const at = forgettingServer(server);
  const { projectId } = await at.project('everywhere');
  const archive = join(dirname(home), 'before.zip');
  const taken = await runOwnsight(home, ['takeout', '--out', archive]);
  assert.equal(taken.code, 0, taken.output);
  const [tag] = await at.clients.training.getTags(projectId);
  const [more] = await samplePictures({ seed: 9, perClass: 1 });
  const added = await at.clients.training.createImagesFromFiles(projectId, {
    images: [{ name: 'more.jpg', contents: more!.bytes, tagIds: [tag!.id!] }],
  });
  const iterationId = await at.train(projectId);
  const told = await runOwnsight(home, ['forget', '--project', projectId, added.images![0]!.image!.id!]);
  assert.match(told.output, /rebuilt {2}Iteration 1 .*without 1 images/);
  assert.equal(told.code, 1);
  const done = await runOwnsight(home, ['forget', '--project', projectId, added.images![0]!.image!.id!, '--yes']);
  assert.match(done.output, /forgotten\. Receipt: [0-9a-f-]{36}/);

  const restored = await runOwnsight(elsewhere, ['restore', archive]);
  assert.equal(restored.code, 0, restored.output);
  const other = await startServer({ home: elsewhere });
  t.after(() => other.stop());
  const there = forgettingServer(other);
  const never = await there.train(projectId);
  assert.deepEqual(await at.answers(projectId, iterationId), await there.answers(projectId, never));
});

test('an old backup does not bring a model back that has forgotten since: it is trained anew', async (t) => {
  const home = homeOf(t);
  let server = await startServer({ home });
  t.after(() => server.stop());
  let at = forgettingServer(server);
  const { projectId, byTag } = await at.project('backups');
  const iterationId = await at.train(projectId);
  const stays = await at.train(projectId);
  await at.clients.training.publishIteration(projectId, iterationId, 'live', 'resource');
  const folder = join(dirname(home), 'backup');
  const made = await runOwnsight(home, ['backup', folder]);
  assert.equal(made.code, 0, made.output);
  const old = readFileSync(join(home, 'blobs', server.account, projectId, 'model', iterationId));
  const gone = byTag.get('Apple')!.slice(0, 1);
  await at.finished(projectId, (await at.forget(projectId, gone)).receiptId);
  const now = await at.answers(projectId, iterationId);
  await server.stop();
  rmSync(home, { recursive: true });
  cpSync(folder, home, { recursive: true });
  server = await startServer({ home });
  at = forgettingServer(server);
  for (const id of [iterationId, stays]) {
    await until(
      () => at.clients.training.getIteration(projectId, id),
      (one) => one.status === 'Completed',
    );
    assert.deepEqual(await at.answers(projectId, id), now);
  }
  assert.equal((await at.clients.training.getIteration(projectId, iterationId)).publishName, 'live');
  await until(
    async () => filesWith(home, pieces(old)),
    (files) => files === 0,
  );
});
