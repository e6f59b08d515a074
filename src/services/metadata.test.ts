import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plantAccount, plantProject, testStores } from '../../test/fixtures/stores.ts';
import { countImages, listImages, updateImageMetadata } from './images.ts';

test('a filter finds images by what they are described with, also those an older version stored', async (t) => {
  const stores = await testStores(t);
  const planted = await plantProject(stores, await plantAccount(stores), 4);
  const [oak, elm, both, bare] = planted.imageIds as [string, string, string, string];
  await stores.db.query.updateTable('images').set({ metadata: null, metadata_lookup: null }).execute();
  // Planted with something else than a box.
  await stores.db.query.deleteFrom('regions').execute();
  const describe = (id: string, metadata: Record<string, string>) =>
    updateImageMetadata(stores, planted, [id], metadata);
  await describe(oak, { tree: 'oak' });
  await describe(elm, { tree: 'elm', "where's that": "Ca' d'Oro" });
  await describe(both, { tree: 'oak' });
  await describe(both, { season: 'oak' });
  const check = async (when: string): Promise<void> => {
    const cases: [string, string[]][] = [
      ["metadata=tree eq 'oak' and season ne 'oak'", [oak]],
      ["tree eq 'oak'", [oak, both]],
      ["tree ne 'oak'", [elm, bare]],
      ["season eq 'oak' or 'where''s that' eq 'Ca'' d''Oro'", [elm, both]],
      ["tree eq 'Oak'", []],
      [' ', [oak, elm, both, bare]],
    ];
    for (const [$filter, wanted] of cases) {
      const found = await listImages(stores, planted, { status: 'All', $filter, orderBy: 'Oldest' });
      assert.deepEqual(found.map(({ id }) => id).sort(), wanted.sort(), `${when}: ${$filter}`);
      assert.equal(await countImages(stores, planted, { status: 'All', $filter }), wanted.length);
    }
  };
  await check('as stored');
  await stores.db.query.updateTable('images').set({ metadata_lookup: null }).execute();
  await check('from an older version');
});

test('the marks in the database say nothing of what they stand for, and differ from project to project', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const marks: (string | null)[] = [];
  for (const planted of [await plantProject(stores, accountId, 1), await plantProject(stores, accountId, 1)]) {
    const [imageId] = planted.imageIds as [string];
    await stores.db.query.updateTable('images').set({ metadata: null }).where('id', '=', imageId).execute();
    await updateImageMetadata(stores, planted, [imageId], { tree: 'oak' });
    const row = await stores.db.query
      .selectFrom('images')
      .select('metadata_lookup')
      .where('id', '=', imageId)
      .executeTakeFirstOrThrow();
    assert.match(row.metadata_lookup!, /^[0-9a-f]{32}$/);
    marks.push(row.metadata_lookup);
  }
  assert.notEqual(marks[0], marks[1]);
});
