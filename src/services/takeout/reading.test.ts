/** A takeout is the same bytes from any point on, whatever interrupted it, or it says that it cannot be. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { generator } from '../../../scripts/samples.ts';
import { plantAccount, testStores } from '../../../test/fixtures/stores.ts';
import { unzip } from '../../../test/fixtures/unzip.ts';
import { type ArchiveFormatName, archiveFormats } from '../../base/archive-format.ts';
import { day } from '../../base/clock.ts';
import { mapConcurrently } from '../../base/concurrency.ts';
import { newId } from '../../base/id.ts';
import { blobKey } from '../../store/blobs.ts';
import { findTakeout } from '../../store/takeouts.ts';
import { createVision } from '../../vision/threads/vision-threads.ts';
import { removeEndedTransfers } from '../ended-transfers.ts';
import { createModels } from '../models.ts';
import { createProject } from '../projects.ts';
import { createTransfers } from '../transfers.ts';
import { discard } from '../trash.ts';
import { emptyTrashItem } from '../trash-empty.ts';
import { readTakeout } from './reading.ts';
import { beginTakeout, cancelTakeout, getTakeout, takeoutByToken, takeoutToken } from './takeouts.ts';

/** Stores with an account whose project has pictures; nothing decodes them here. */
async function fill(t: TestContext, pictures: number, bytes = 3000) {
  const stores = await testStores(t);
  const vision = createVision({ threads: 1 });
  t.after(() => vision.close());
  const app = { ...stores, vision, models: createModels(stores), transfers: createTransfers() };
  const accountId = await plantAccount(stores);
  const { id: projectId } = await createProject(app, accountId, { name: 'Things' });
  const scope = { accountId, projectId };
  const addPictures = async (count: number): Promise<string[]> => {
    const ids = Array.from({ length: count }, newId);
    await mapConcurrently(ids, 32, (id) => {
      const sealed = app.keys.seal({ ...scope, kind: 'image-original', id }, randomBytes(bytes));
      return app.blobs.put(blobKey(accountId, projectId, 'image-original', id), sealed);
    });
    const rest = { width: 1, height: 1, format: 'jpeg', bytes, thumbnail_bytes: 0, metadata: null } as const;
    await app.db.transaction(async (tx) => {
      for (const id of ids)
        await tx
          .insertInto('images')
          .values({
            ...rest,
            id,
            project_id: projectId,
            created: app.clock.now(),
            digest: id,
            workspace: 1,
            features: 1,
          })
          .execute();
    });
    return ids;
  };
  const ids = await addPictures(pictures);
  const signal = new AbortController().signal;
  const open = async (id: string, from: number, to?: number) => {
    const row = (await findTakeout(app.db.query, id))!;
    return readTakeout(app, row, { from, to: to ?? row.bytes, signal });
  };
  const remove = (id: string) => app.db.query.deleteFrom('images').where('id', '=', id).execute();
  const fileOf = (id: string) => join(stores.folder, 'data', 'blobs', accountId, projectId, 'image-original', id);
  return { app, accountId, projectId, ids: ids.sort(), addPictures, open, remove, fileOf };
}

/** The first `count` bytes; then the connection is lost. */
async function cutAfter(stream: Readable, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const closed = new Promise((resolve) => stream.once('close', resolve));
  let got = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece.subarray(0, count - got));
    got += pieces.at(-1)!.length;
    if (got >= count) break;
  }
  await closed;
  return Buffer.concat(pieces);
}

/** Fails unless every file has the bytes that the archive's own list names; returns the files by path. */
async function assertSound(bytes: Buffer, format: ArchiveFormatName): Promise<Map<string, Buffer>> {
  const files = format === 'zip' ? await unzip(bytes) : untar(bytes);
  const below = new Map([...files].map(([name, content]) => [name.split('/').slice(1).join('/'), content]));
  const lines = below.get('manifest-sha256.txt')!.toString().trimEnd().split('\n');
  assert.equal(lines.length, [...below.keys()].filter((name) => name.startsWith('data/')).length);
  for (const line of lines) {
    const digest = createHash('sha256')
      .update(below.get(line.slice(66))!)
      .digest('hex');
    assert.equal(digest, line.slice(0, 64), line.slice(66));
  }
  return below;
}

function untar(bytes: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const text = (at: number, length: number) => bytes.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; bytes[at] !== 0; ) {
    const prefix = text(at + 345, 155);
    const size = Number.parseInt(text(at + 124, 12), 8);
    files.set(`${prefix && `${prefix}/`}${text(at, 100)}`, bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

for (const format of Object.keys(archiveFormats) as ArchiveFormatName[])
  test(`${format}: cut at any moment and gone on with, pictures added meanwhile: one sound archive`, async (t) => {
    const { app, accountId, ids, addPictures, open } = await fill(t, 700);
    const { id, bytes } = await beginTakeout(app, accountId, { format });
    const random = generator(format.length);
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes; ) {
      // Some bytes that were sent never arrive: a client goes on before what the server has sent.
      const part = await cutAfter(await open(id, at), Math.ceil(random(1, bytes / 4)));
      parts.push(part.subarray(0, Math.ceil(part.length * 0.9)));
      at += parts.at(-1)!.length;
      await addPictures(1);
      // As after a restart: nothing is remembered but what is written down.
      app.transfers = createTransfers();
    }
    const whole = Buffer.concat(parts);
    assert.ok(parts.length > 5);
    assert.equal(whole.length, bytes);
    const files = await assertSound(whole, format);
    assert.equal([...files.keys()].filter((name) => name.includes('/images/')).length, ids.length);
    assert.ok((await buffer(await open(id, 0))).equals(whole), 'read once more, it is the same');
    assert.ok((await buffer(await open(id, 1000, 70_000))).equals(whole.subarray(1000, 70_000)));
    const state = await getTakeout(app, accountId, id);
    assert.deepEqual([state.state, state.missing], ['Waiting', 0]);
  });

test('what was sent is passed over without being read; what it is checked against are hashes only', async (t) => {
  const { app, accountId, ids, open, fileOf } = await fill(t, 300, 50_000);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'zip' });
  const begin = await cutAfter(await open(id, 0), Math.floor(bytes * 0.8));
  const [{ n }] = (await app.db.query
    .selectFrom('takeout_entries')
    .select((at) => at.fn.countAll<number>().as('n'))
    .execute()) as [{ n: number }];
  assert.ok(n > 1, 'it is written down little by little');
  for (const one of ids.slice(0, 200)) rmSync(fileOf(one));
  const rest = await buffer(await open(id, begin.length));
  await assertSound(Buffer.concat([begin, rest]), 'zip');
});

test('when what was sent cannot be made again, nothing is sent and it says why', async (t) => {
  const { app, accountId, ids, open, remove } = await fill(t, 300);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'zip' });
  const begin = await cutAfter(await open(id, 0), bytes >> 1);
  await remove(ids[0]!);
  await assert.rejects(open(id, begin.length), { code: 'PreconditionFailed', message: /begin a new one/ });
  assert.equal((await getTakeout(app, accountId, id)).state, 'Changed');
  await assert.rejects(open(id, 0), { code: 'PreconditionFailed' });
});

test('what is deleted before it is sent is absent, what is lost is listed; the length stays', async (t) => {
  const { app, accountId, ids, open, remove, fileOf } = await fill(t, 400, 40_000);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'zip' });
  const begin = await cutAfter(await open(id, 0), 100_000);
  await remove(ids.at(-1)!);
  rmSync(fileOf(ids.at(-2)!));
  const middle = await cutAfter(await open(id, begin.length), Math.floor(bytes * 0.97) - begin.length);
  const rest = await buffer(await open(id, begin.length + middle.length));
  const files = await assertSound(Buffer.concat([begin, middle, rest]), 'zip');
  const images = [...files.keys()].filter((name) => name.includes('/images/'));
  assert.equal(images.length, ids.length - 2);
  const missing = JSON.parse(files.get('data/MISSING.json')!.toString());
  assert.deepEqual(
    missing.map((one: { reason: string }) => one.reason),
    ['lost'],
  );
  assert.equal((await getTakeout(app, accountId, id)).missing, 1);
});

/** What {@link fill} makes, with half of the pictures in the trash, and those a page at a time. */
async function fillTrash(t: TestContext, bytes = 2000) {
  const filled = await fill(t, 600, bytes);
  const { app, accountId, projectId, ids } = filled;
  const thrown = ids.filter((_, index) => index % 2 === 0);
  const scope = { accountId, projectId };
  const throwAway = (imageIds: readonly string[]) =>
    discard(
      app,
      scope,
      { kind: 'images', imageIds, allImages: false, allIterations: false },
      { now: false, by: 'command', language: 'en' },
    );
  const items = [await throwAway(thrown.slice(0, -1)), await throwAway(thrown.slice(-1))].map((one) => one.trash!.id);
  return { ...filled, thrown, items, throwAway };
}

const inTrash = (files: ReadonlyMap<string, Buffer>): string[] =>
  [...files.keys()].filter((name) => /^data\/trash\/.*\/images\//.test(name));

for (const format of Object.keys(archiveFormats) as ArchiveFormatName[])
  test(`${format}: the trash is in it, the same however often it is gone on with, days later and with more in the trash`, async (t) => {
    const { app, accountId, ids, thrown, throwAway, open } = await fillTrash(t);
    const { id, bytes } = await beginTakeout(app, accountId, { format });
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes; at += parts.at(-1)!.length) {
      parts.push(await cutAfter(await open(id, at), Math.ceil(bytes / 9)));
      app.clock.turn(day / 2);
      app.transfers = createTransfers();
    }
    await throwAway(ids.filter((one) => !thrown.includes(one)).slice(-1));
    const files = await assertSound(Buffer.concat(parts), format);
    assert.equal(inTrash(files).length, thrown.length);
    const list = JSON.parse(files.get('data/trash/trash.json')!.toString()) as { id: string }[];
    assert.equal(list.length, 2);
    const rows = [...files].filter(([name]) => /^data\/trash\/.*\/rows\/images-/.test(name));
    assert.equal(rows.flatMap(([, content]) => content.toString().trimEnd().split('\n')).length, thrown.length);
  });

test('what leaves the trash before it is sent is absent; once it was sent, the archive is not gone on with', async (t) => {
  const { app, accountId, thrown, items, open } = await fillTrash(t, 30_000);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'tar' });
  const begin = await cutAfter(await open(id, 0), 100_000);
  await emptyTrashItem(app, accountId, items[1]!);
  const most = await cutAfter(await open(id, begin.length), Math.floor(bytes * 0.9) - begin.length);
  const rest = await buffer(await open(id, begin.length + most.length));
  const whole = Buffer.concat([begin, most, rest]);
  assert.equal(inTrash(await assertSound(whole, 'tar')).length, thrown.length - 1);
  await emptyTrashItem(app, accountId, items[0]!);
  await assert.rejects(open(id, begin.length + most.length), {
    code: 'PreconditionFailed',
    message: /begin a new one/,
  });
});

test('a picture in the trash that is lost is listed, and stays listed', async (t) => {
  const { app, accountId, thrown, open, fileOf } = await fillTrash(t);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'zip' });
  rmSync(fileOf(thrown[0]!));
  const begin = await cutAfter(await open(id, 0), Math.floor(bytes * 0.9));
  const files = await assertSound(Buffer.concat([begin, await buffer(await open(id, begin.length))]), 'zip');
  assert.match(files.get('data/MISSING.json')!.toString(), new RegExp(`trash/.*${thrown[0]}.*lost`, 's'));
  assert.equal((await getTakeout(app, accountId, id)).missing, 1);
});

test('an archive that grows beyond its room breaks off and says that the account changed', async (t) => {
  const { app, accountId, projectId, open } = await fill(t, 10, 100);
  const { id } = await beginTakeout(app, accountId, { format: 'tar' });
  const long = app.keys.seal(
    { accountId, projectId, kind: 'projects.description', id: projectId },
    Buffer.alloc(200_000, 'x'),
  );
  await app.db.query.updateTable('projects').set({ description: long }).execute();
  await assert.rejects(buffer(await open(id, 0)), { code: 'PreconditionFailed' });
  assert.equal((await getTakeout(app, accountId, id)).state, 'Changed');
});

test('progress is told; a second reader takes over from the first; a cancelled takeout is gone', async (t) => {
  const { app, accountId, open } = await fill(t, 200, 50_000);
  const { id, bytes } = await beginTakeout(app, accountId, { format: 'tar' });
  const first = await open(id, 0);
  await once(first, 'readable');
  first.read(200_000);
  const { state, sent, ...rest } = await getTakeout(app, accountId, id);
  assert.deepEqual([state, sent > 0, sent < bytes, rest.bytes], ['Sending', true, true, bytes]);
  const second = await open(id, 100);
  assert.ok(first.destroyed);
  const part = cutAfter(second, 1000);
  assert.equal((await part).length, 1000);
  const third = await open(id, 0);
  await cancelTakeout(app, accountId, id);
  assert.ok(third.destroyed);
  await assert.rejects(getTakeout(app, accountId, id), { code: 'NotFound' });
  const left = await app.db.query.selectFrom('takeout_entries').select('number').execute();
  assert.deepEqual([left.length, app.transfers.takeouts.size], [0, 0]);
});

test('its link opens it and nothing else, and it is swept a day after it was read last', async (t) => {
  const { app, accountId, open } = await fill(t, 3);
  const { id } = await beginTakeout(app, accountId, { format: 'zip' });
  const other = await beginTakeout(app, accountId, { format: 'zip' });
  const token = takeoutToken(app, accountId, id);
  assert.equal((await takeoutByToken(app, id, token)).id, id);
  await assert.rejects(takeoutByToken(app, other.id, token), { code: 'NotFound' });
  await assert.rejects(takeoutByToken(app, id, ''), { code: 'NotFound' });
  app.clock.turn(day / 2);
  await buffer(await open(id, 0));
  app.clock.turn(day / 2 + 1_000_000);
  await assert.rejects(takeoutByToken(app, other.id, takeoutToken(app, accountId, other.id)), { code: 'NotFound' });
  await removeEndedTransfers(app, accountId);
  assert.equal((await takeoutByToken(app, id, token)).id, id);
  await assert.rejects(getTakeout(app, accountId, other.id), { code: 'NotFound' });
  app.clock.turn(day);
  await removeEndedTransfers(app, accountId);
  await assert.rejects(getTakeout(app, accountId, id), { code: 'NotFound' });
});

test('nothing that was written down of it tells a name or content', async (t) => {
  const { app, accountId, open } = await fill(t, 3);
  const { id } = await beginTakeout(app, accountId, { format: 'zip' });
  const files = await assertSound(await buffer(await open(id, 0)), 'zip');
  const { entries } = await app.db.query.selectFrom('takeout_entries').selectAll().executeTakeFirstOrThrow();
  const plain = app.keys.open({ accountId, kind: 'takeout_entries.entries', id: `${id}/0` }, entries);
  for (const [name, bytes] of files) {
    assert.ok(!plain.includes(name) && !entries.includes(createHash('sha256').update(bytes).digest()), name);
    if (bytes.length > 0) assert.ok(!plain.includes(bytes.subarray(0, 32)), name);
  }
  const [, picture] = [...files].find(([name]) => name.includes('/images/'))!;
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(picture));
  assert.ok(plain.includes(sum), 'the test looks at what was written down');
});
