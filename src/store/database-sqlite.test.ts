import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { sql } from 'kysely';
import { temporaryFolder } from '../../test/fixtures/stores.ts';
import { databaseSuite } from '../../test/suites/database.ts';
import { newId } from '../base/id.ts';
import type { Database } from './database.ts';
import { openSqlite } from './database-sqlite.ts';

async function openIn(t: TestContext, folder = temporaryFolder(t)): Promise<Database> {
  const db = await openSqlite(join(folder, 'made', 'a.db'));
  t.after(() => db.close());
  return db;
}

databaseSuite('SQLite', openIn);

const addAccount = (db: Database, user_name: Buffer) =>
  db.query
    .insertInto('accounts')
    .values({ id: newId(), user_name, email: null, tier: 'S0', created: 1, deleted: null })
    .execute();

test('the files are closed to others', { skip: process.platform === 'win32' && 'Windows has no modes' }, async (t) => {
  const folder = temporaryFolder(t);
  await addAccount(await openIn(t, folder), Buffer.of(1));
  const made = join(folder, 'made');
  assert.equal(statSync(made).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(made).sort(), ['a.db', 'a.db-shm', 'a.db-wal']);
  for (const file of readdirSync(made)) assert.equal(statSync(join(made, file)).mode & 0o777, 0o600, file);
});

test('after a checkpoint no byte of what was removed is left in any file', async (t) => {
  const folder = temporaryFolder(t);
  const db = await openIn(t, folder);
  const canary = Buffer.from('canary-5f2c77e0');
  const hits = (): number => {
    const made = join(folder, 'made');
    return readdirSync(made).filter((file) => readFileSync(join(made, file)).includes(canary)).length;
  };
  for (let i = 0; i < 200; i++) await addAccount(db, Buffer.concat([Buffer.alloc(i), canary]));
  assert.ok(hits() > 0, 'the search finds what is there');
  await db.query.deleteFrom('accounts').execute();
  assert.ok(hits() > 0, 'the log still holds it');
  assert.equal(await db.checkpoint(), true);
  assert.equal(hits(), 0);
});

test('a checkpoint says so when a reader of another process is in the way', async (t) => {
  const folder = temporaryFolder(t);
  const db = await openIn(t, folder);
  await addAccount(db, Buffer.of(1));
  const other = new Sqlite(join(folder, 'made', 'a.db'));
  t.after(() => other.close());
  other.exec('begin; select * from accounts');
  await addAccount(db, Buffer.of(2));
  assert.equal(await db.checkpoint(), false);
  other.exec('commit');
  assert.equal(await db.checkpoint(), true);
});

test('a database of a later version is refused untouched, one of this version opens again', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.db');
  const first = await openSqlite(path);
  await addAccount(first, Buffer.of(7));
  await first.close();
  const again = await openSqlite(path);
  assert.equal((await again.query.selectFrom('accounts').select('user_name').executeTakeFirst())?.user_name[0], 7);
  await sql`insert into migrations (name, applied) values ('0999-of-the-future', 1)`.execute(again.query);
  await again.close();
  await assert.rejects(openSqlite(path), (error: Error & { code: string }) => {
    assert.equal(error.code, 'NewerDatabase');
    assert.match(error.message, /0999-of-the-future/);
    return true;
  });
});

test('a write beside the transaction in hand is refused instead of waiting for itself', async (t) => {
  const db = await openIn(t);
  await assert.rejects(
    db.transaction(() => addAccount(db, Buffer.of(1))),
    /the transaction in hand/,
  );
  await addAccount(db, Buffer.of(1));
});

test('a full disk is ErrorStorageFull, and what was there stays', (t) => {
  const folder = temporaryFolder(t);
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const script = `
    import { openSqlite } from ${JSON.stringify(join(import.meta.dirname, 'database-sqlite.ts'))};
    const db = await openSqlite(${JSON.stringify(join(disk, 'a.db'))});
    const add = (bytes) => db.query.insertInto('accounts')
      .values({ id: crypto.randomUUID(), user_name: Buffer.alloc(bytes), email: null, tier: 'S0', created: 1, deleted: null }).execute();
    await add(10);
    const failure = await db.transaction((tx) => tx.insertInto('accounts')
      .values({ id: crypto.randomUUID(), user_name: Buffer.alloc(3_000_000), email: null, tier: 'S0', created: 1, deleted: null }).execute())
      .catch((error) => error.code);
    await add(10);
    console.log(failure, (await db.query.selectFrom('accounts').select('id').execute()).length);
  `;
  const shell = `mount -t tmpfs -o size=2m none '${disk}' || exit 77; exec "$@"`;
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['-Urm', 'sh', '-c', shell, 'sh', process.execPath, '--input-type=module-typescript', '-e', script],
    { encoding: 'utf8' },
  );
  if (status === null || status === 77 || (status === 1 && stderr.startsWith('unshare:')))
    return t.skip('needs the right to mount a small disk in a namespace of its own (Linux)');
  assert.equal(stdout.trim(), 'ErrorStorageFull 2', stderr);
});
