import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { tableCustody } from '../../src/store/custody.ts';
import { openKeys } from '../../src/store/keys-files.ts';
import type { Tables } from '../../src/store/schema.ts';
import type { Needle } from './needles.ts';
import { filesBelow } from './scan.ts';

/** Where a server keeps its things. */
export interface Stores {
  readonly home: string;
  readonly keys: string;
}

/** One row of a table, as it lies. */
type Row = Readonly<Record<string, unknown>>;

/** The rows of a project in each table that belongs to it. */
function rowsOf(home: string, projectId: string): [keyof Tables, Row[]][] {
  const db = new Sqlite(join(home, 'ownsight.db'), { readonly: true });
  try {
    return Object.entries(tableCustody).flatMap(([table, { owner, columns }]): [keyof Tables, Row[]][] => {
      const column = table === 'projects' ? 'id' : 'project_id';
      if (owner !== 'project' || !(column in columns)) return [];
      return [
        [table as keyof Tables, db.prepare(`select * from ${table} where ${column} = ?`).all(projectId) as Row[]],
      ];
    });
  } finally {
    db.close();
  }
}

/**
 * What must be gone from the disk when a project is erased, beside all plain text: sixteen bytes of each of its
 * ciphertexts in rows and files, and of its wrapped key. Overwritten and unlinked is more than unreadable.
 */
export function ciphertextOf({ home, keys }: Stores, accountId: string, projectId: string): Needle[] {
  const needles: Needle[] = [];
  const add = (kind: string, bytes: Buffer): void => {
    // Behind the version: the nonce and the first of the ciphertext, which no other ciphertext shares.
    needles.push({ kind: `ciphertext: ${kind}`, encoding: 'it lay', bytes: bytes.subarray(1, 17) });
  };
  for (const [table, rows] of rowsOf(home, projectId))
    for (const [column, held] of Object.entries(tableCustody[table].columns))
      for (const row of rows)
        if (held.startsWith('sealed') && row[column] !== null) add(`${table}.${column}`, row[column] as Buffer);
  for (const path of filesBelow(join(home, 'blobs', accountId, projectId)))
    add(path.split('/').at(-2)!, readFileSync(path));
  add('project key', readFileSync(join(keys, accountId, `${projectId}.key`)));
  return needles;
}

/** Parts of the numbers that training uses of each picture of a project, opened with its key. */
export function featuresOf({ home, keys }: Stores, accountId: string, projectId: string): Needle[] {
  const opened = openKeys({ folder: keys, masterKeyFile: join(keys, 'master.key') });
  const rows = rowsOf(home, projectId).find(([table]) => table === 'image_features')![1];
  return rows.flatMap((row) => {
    const id = row.image_id as string;
    const bytes = opened.open({ accountId, projectId, kind: 'image_features.features', id }, row.features as Buffer);
    const needles: Needle[] = [];
    for (let at = 0; at + 16 <= bytes.length && needles.length < 4; at += 16) {
      const part = bytes.subarray(at, at + 16);
      // A run of zeros stands in many files.
      if (new Set(part).size >= 10) needles.push({ kind: 'features of a picture', encoding: 'float32', bytes: part });
    }
    return needles;
  });
}

/** Whether the removal of a project has come to its end: its row gone, and no removal running or due. */
export function isErased(home: string, projectId: string, now: number): boolean {
  const db = new Sqlite(join(home, 'ownsight.db'), { readonly: true });
  try {
    const row = db.prepare('select 1 from projects where id = ?').get(projectId);
    const due = db
      .prepare(`select 1 from jobs where name = 'purge' and (state = 'running' or (state = 'waiting' and run_at <= ?))`)
      .get(now * 1000);
    return row === undefined && due === undefined;
  } finally {
    db.close();
  }
}
