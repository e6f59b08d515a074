import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { newId } from '../../src/base/id.ts';
import type { Database, Queries } from '../../src/store/database.ts';
import type { AccountRow, ProjectRow } from '../../src/store/schema.ts';

const account = (more: Partial<AccountRow> = {}): AccountRow => ({
  id: newId(),
  user_name: Buffer.from([0, 1, 255]),
  email: null,
  tier: 'S0',
  backbone: null,
  created: 1,
  deleted: null,
  ...more,
});

const project = (accountId: string, more: Partial<ProjectRow> = {}): ProjectRow => ({
  id: newId(),
  account_id: accountId,
  name: Buffer.of(1),
  name_lookup: 'a name',
  description: Buffer.of(),
  domain_id: newId(),
  classification_type: null,
  target_export_platforms: '[]',
  augmentation_off: null,
  export_container: null,
  notification_queue: null,
  backbone: null,
  created: 1,
  modified: 1,
  iteration_count: 0,
  deleted: null,
  status: 'Succeeded',
  import_token: null,
  ...more,
});

const insert = (db: Queries, row: AccountRow) => db.insertInto('accounts').values(row).execute();
const created = async (db: Queries, id: string): Promise<number | undefined> =>
  (await db.selectFrom('accounts').select('created').where('id', '=', id).executeTakeFirst())?.created;

/** What every {@link Database} promises. `open` gives a new, empty one and closes it when the test ends. */
export function databaseSuite(name: string, open: (t: TestContext) => Promise<Database>): void {
  suite(name, () => {
    test('remembers an answer until anything is committed, and never a failure', async (t) => {
      const db = await open(t);
      let asked = 0;
      const count = () =>
        db.remember('count', async () => {
          asked++;
          return (await db.query.selectFrom('accounts').select('id').execute()).length;
        });
      assert.deepEqual([await count(), await count(), asked], [0, 0, 1]);
      await db.transaction((tx) => insert(tx, account()));
      assert.deepEqual([await count(), await count(), asked], [1, 1, 2]);
      await assert.rejects(
        db.remember('fails', () => Promise.reject(new Error('once'))),
        /once/,
      );
      assert.equal(await db.remember('fails', async () => 'then not'), 'then not');
    });

    test('gives back exactly what was put in: bytes, nulls, integers up to 2^53 - 1', async (t) => {
      const { query } = await open(t);
      const row = account({
        created: Number.MAX_SAFE_INTEGER,
        deleted: 2 ** 31 + 1,
        user_name: Buffer.from([...Array(256).keys()]),
      });
      await insert(query, row);
      assert.deepEqual(await query.selectFrom('accounts').selectAll().executeTakeFirst(), row);
      const { n } = await query
        .selectFrom('accounts')
        .select((at) => at.fn.countAll().as('n'))
        .executeTakeFirstOrThrow();
      assert.equal(Number(n), 1);
    });

    test('a transaction that throws leaves nothing, and the next one works', async (t) => {
      const db = await open(t);
      const row = account();
      const failure = new Error('on purpose');
      await assert.rejects(
        db.transaction(async (tx) => {
          await insert(tx, row);
          assert.equal(await created(tx, row.id), 1);
          throw failure;
        }),
        failure,
      );
      assert.equal(await created(db.query, row.id), undefined);
      await db.transaction((tx) => insert(tx, row));
      assert.equal(await created(db.query, row.id), 1);
    });

    test('a read beside a transaction waits for nobody and does not see what is not committed', async (t) => {
      const db = await open(t);
      const row = account();
      const gate = Promise.withResolvers<void>();
      const inserted = Promise.withResolvers<void>();
      const transaction = db.transaction(async (tx) => {
        await insert(tx, row);
        inserted.resolve();
        await gate.promise;
      });
      await inserted.promise;
      assert.equal(await created(db.query, row.id), undefined);
      gate.resolve();
      await transaction;
      assert.equal(await created(db.query, row.id), 1);
    });

    test('transactions and single writes never interleave', async (t) => {
      const db = await open(t);
      const row = account({ created: 0 });
      await insert(db.query, row);
      const write = (value: number) =>
        db.query.updateTable('accounts').set({ created: value }).where('id', '=', row.id);
      await Promise.all(
        Array.from({ length: 40 }, () =>
          db.transaction(async (tx) => {
            const value = (await created(tx, row.id))!;
            await new Promise(setImmediate);
            await tx
              .updateTable('accounts')
              .set({ created: value + 1 })
              .where('id', '=', row.id)
              .execute();
          }),
        ),
      );
      assert.equal(await created(db.query, row.id), 40);
      const slow = db.transaction(async (tx) => {
        await tx.updateTable('accounts').set({ created: 100 }).where('id', '=', row.id).execute();
        await new Promise(setImmediate);
        assert.equal(await created(tx, row.id), 100);
      });
      await Promise.all([slow, write(200).execute()]);
      assert.equal(await created(db.query, row.id), 200);
    });

    test('a broken unique or foreign key is a Conflict and undoes its transaction', async (t) => {
      const db = await open(t);
      const row = account();
      await insert(db.query, row);
      await assert.rejects(insert(db.query, row), { code: 'Conflict' });
      const other = account();
      const orphan = project(newId());
      await assert.rejects(
        db.transaction(async (tx) => {
          await insert(tx, other);
          await tx.insertInto('projects').values(orphan).execute();
        }),
        { code: 'Conflict' },
      );
      assert.equal(await created(db.query, other.id), undefined);
    });

    test('a name is taken once among the living, and free again after a deletion', async (t) => {
      const { query } = await open(t);
      const owner = account();
      await insert(query, owner);
      const first = project(owner.id);
      await query.insertInto('projects').values(first).execute();
      await assert.rejects(query.insertInto('projects').values(project(owner.id)).execute(), { code: 'Conflict' });
      await query.updateTable('projects').set({ deleted: 5 }).where('id', '=', first.id).execute();
      await query.insertInto('projects').values(project(owner.id)).execute();
    });

    test('is sound, and its log can be emptied', async (t) => {
      const db = await open(t);
      await insert(db.query, account());
      assert.equal(await db.checkpoint(), true);
      assert.deepEqual(await db.faults(), []);
    });
  });
}
