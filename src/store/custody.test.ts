import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { testStores } from '../../test/fixtures/stores.ts';
import { blobKinds } from './blobs.ts';
import { blobCustody, type TableCustody, tableCustody } from './custody.ts';
import { erasureOrder } from './erase.ts';
import type { Sealed, Tables } from './schema.ts';

interface Example {
  id: string;
  note: Sealed | null;
}

// The compiler is the test: each of these must stay an error.
export const mistakes: readonly TableCustody<Example>['columns'][] = [
  { id: 'id', note: 'sealed by project key' },
  // @ts-expect-error a column without a description
  { id: 'id' },
  // @ts-expect-error ciphertext that is said to be in the clear
  { id: 'id', note: 'word' },
  // @ts-expect-error clear text that is said to be sealed
  { id: 'sealed by account key', note: 'sealed by account key' },
  // @ts-expect-error a column there is not
  { id: 'id', note: 'sealed by account key', other: 'id' },
];
// @ts-expect-error a table without its custody
export const lackingTable: { readonly [T in keyof Tables | 'others']: object } = tableCustody;

test('describes exactly the tables and columns that the database has', async (t) => {
  const { db } = await testStores(t);
  const tables = (await db.query.introspection.getTables()).filter(({ name }) => name !== 'migrations');
  assert.deepEqual(tables.map(({ name }) => name).sort(), Object.keys(tableCustody).sort());
  for (const { name, columns } of tables)
    assert.deepEqual(
      columns.map((column) => column.name).sort(),
      Object.keys(tableCustody[name as keyof Tables].columns).sort(),
      name,
    );
});

test('bytes in the database are sealed, and what is sealed is bytes', async (t) => {
  const { db } = await testStores(t);
  for (const { name, columns } of await db.query.introspection.getTables()) {
    const held = (tableCustody[name as keyof Tables] as { columns: Record<string, string> } | undefined)?.columns ?? {};
    for (const column of columns) {
      const sealed = held[column.name]?.startsWith('sealed') ?? false;
      assert.equal(column.dataType.toLowerCase() === 'bytea', sealed, `${name}.${column.name}`);
    }
  }
});

test('children are erased before what they hang on, and everything owned is erased', () => {
  const owned = Object.entries(tableCustody).filter(([, custody]) => custody.owner !== 'server');
  assert.deepEqual([...erasureOrder].sort(), owned.map(([table]) => table).sort());
  for (const table of erasureOrder)
    for (const parent of tableCustody[table].hangsOn)
      assert.ok(erasureOrder.indexOf(table) < erasureOrder.indexOf(parent), `${table} before ${parent}`);
});

test('says what rows really refer to', async (t) => {
  const { db } = await testStores(t);
  for (const table of Object.keys(tableCustody) as (keyof Tables)[]) {
    const references = await sql<{ table: string }>`select "table" from pragma_foreign_key_list(${table})`.execute(
      db.query,
    );
    assert.deepEqual(
      [...new Set(references.rows.map((row) => row.table))].sort(),
      [...tableCustody[table].hangsOn].sort(),
      table,
    );
  }
});

test('every kind of blob has its custody, in words', () => {
  assert.deepEqual(Object.keys(blobCustody).sort(), [...blobKinds].sort());
  for (const [name, custody] of [...Object.entries(tableCustody), ...Object.entries(blobCustody)])
    for (const words of [custody.what, custody.kept]) assert.match(words, /\w+ \w+/, name);
});
