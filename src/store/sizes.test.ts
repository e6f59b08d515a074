import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { openStores, temporaryFolder } from '../../test/fixtures/stores.ts';
import { openSqlite } from './database-sqlite.ts';

test('rows of a project that are named by their ids are looked up by them', async (t) => {
  const folder = temporaryFolder(t);
  const first = await openStores(folder);
  const ids = sql.join(Array.from({ length: 256 }, (_, n) => `id-${n}`));
  const conditions = {
    images: sql`id in (${ids})`,
    image_tags: sql`image_id in (${ids})`,
    regions: sql`image_id in (${ids})`,
    iteration_images: sql`image_id in (${ids})`,
    predictions: sql`id in (${ids})`,
    trash_rows: sql`kind = 'iteration_images' and image_id in (${ids})`,
  };
  const plans = async (db: typeof first.db): Promise<void> => {
    for (const [table, condition] of Object.entries(conditions)) {
      const { rows } = await sql<{ detail: string }>`explain query plan
        delete from ${sql.table(table)} where project_id = 'x' and ${condition}`.execute(db.query);
      assert.match(rows[0]!.detail, /[( ](image_)?id=\?/, `${table}: ${rows[0]!.detail}`);
    }
  };
  await plans(first.db);
  await Promise.all([first.opener.close(), first.db.close()]);
  const second = await openSqlite(join(folder, 'data', 'ownsight.db'));
  await plans(second);
  await sql`update sqlite_stat1 set stat = '10 1'`.execute(second.query);
  await second.close();
  const third = await openSqlite(join(folder, 'data', 'ownsight.db'));
  t.after(() => third.close());
  await plans(third);
});
