import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { tableCustody } from '../../src/store/custody.ts';
import { openKeys } from '../../src/store/keys-files.ts';
import type { Tables } from '../../src/store/schema.ts';
import { associated, decrypt, subkeys } from '../../src/store/sealing.ts';
import type { Needle } from './needles.ts';
import { filesBelow } from './scan.ts';

/** Where a server keeps its things. */
export interface Stores {
  readonly home: string;
  readonly keys: string;
}

/** One row of a table, as it lies. */
type Row = Readonly<Record<string, unknown>>;

/** The rows of a project, or those of an account that are no project's, in each table that belongs to it. */
function rowsOf(home: string, owner: 'account' | 'project', id: string): [keyof Tables, Row[]][] {
  const db = new Sqlite(join(home, 'ownsight.db'), { readonly: true });
  try {
    return Object.entries(tableCustody).flatMap(([table, custody]): [keyof Tables, Row[]][] => {
      const column = table === `${owner}s` ? 'id' : `${owner}_id`;
      if (custody.owner !== owner || !(column in custody.columns)) return [];
      return [[table as keyof Tables, db.prepare(`select * from ${table} where ${column} = ?`).all(id) as Row[]]];
    });
  } finally {
    db.close();
  }
}

/** Sixteen bytes of a ciphertext. */
const cipherNeedle = (kind: string, bytes: Buffer): Needle => ({
  kind: `ciphertext: ${kind}`,
  encoding: 'it lay',
  // Behind the version: the nonce and the first of the ciphertext, which no other ciphertext shares.
  bytes: bytes.subarray(1, 17),
});

const sealedOf = (rows: readonly [keyof Tables, Row[]][]): Needle[] =>
  rows.flatMap(([table, list]) =>
    Object.entries(tableCustody[table].columns)
      .filter(([, held]) => held.startsWith('sealed'))
      .flatMap(([column]) =>
        list
          .filter((row) => row[column] !== null)
          .map((row) => cipherNeedle(`${table}.${column}`, row[column] as Buffer)),
      ),
  );

/**
 * What must be gone from the disk when a project is erased, beside all plain text: sixteen bytes of each of its
 * ciphertexts in rows and files, and of its wrapped key. Overwritten and unlinked is more than unreadable.
 */
export function ciphertextOf({ home, keys }: Stores, accountId: string, projectId: string): Needle[] {
  return [
    ...sealedOf(rowsOf(home, 'project', projectId)),
    ...filesBelow(join(home, 'blobs', accountId, projectId)).map((path) =>
      cipherNeedle(path.split('/').at(-2)!, readFileSync(path)),
    ),
    cipherNeedle('project key', readFileSync(join(keys, accountId, `${projectId}.key`))),
  ];
}

/** The same for what an account has beside its projects. */
export function accountCiphertextOf({ home, keys }: Stores, accountId: string): Needle[] {
  return [
    ...sealedOf(rowsOf(home, 'account', accountId)),
    cipherNeedle('account key', readFileSync(join(keys, accountId, 'account.key'))),
  ];
}

/** The keys of an account and one of its projects themselves, unwrapped, and what is derived from them for use. */
export function keysOf({ keys }: Stores, accountId: string, projectId: string): Needle[] {
  const unwrapped = (parent: Buffer, file: string, scope: { accountId: string; projectId?: string }): Buffer =>
    decrypt(
      subkeys(parent).wrap,
      associated({ ...scope, kind: 'key', id: '' }),
      readFileSync(join(keys, accountId, file)),
    );
  const master = Buffer.from(readFileSync(join(keys, 'master.key'), 'utf8'), 'base64');
  const account = unwrapped(master, 'account.key', { accountId });
  const project = unwrapped(account, `${projectId}.key`, { accountId, projectId });
  return Object.entries({ account, project }).flatMap(([owner, key]) =>
    Object.entries({ itself: key, ...subkeys(key) }).map(([use, bytes]) => ({
      kind: `key of the ${owner}`,
      encoding: use,
      bytes,
    })),
  );
}

/**
 * Parts of the numbers that training uses of each picture of a project, opened with its key: as they are, and as a cache
 * that is to be small would keep them.
 */
export function featuresOf({ home, keys }: Stores, accountId: string, projectId: string): Needle[] {
  const opened = openKeys({ folder: keys, masterKeyFile: join(keys, 'master.key') });
  const rows = rowsOf(home, 'project', projectId).find(([table]) => table === 'image_features')![1];
  return rows.flatMap((row) => {
    const id = row.image_id as string;
    const bytes = opened.open({ accountId, projectId, kind: 'image_features.features', id }, row.features as Buffer);
    const features = new Float32Array(new Uint8Array(bytes).buffer);
    const largest = features.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const forms = {
      float32: features,
      float16: Float16Array.from(features),
      int8: Int8Array.from(features, (value) => Math.round((value / largest) * 127)),
    };
    return Object.entries(forms).flatMap(([encoding, { buffer }]) => partsOf(Buffer.from(buffer), encoding));
  });
}

/** At most four parts of 16 bytes, of which a run of zeros or the like, which stands in many files, is none. */
function partsOf(bytes: Buffer, encoding: string): Needle[] {
  const needles: Needle[] = [];
  for (let at = 0; at + 16 <= bytes.length && needles.length < 4; at += 16) {
    const part = bytes.subarray(at, at + 16);
    if (new Set(part).size >= 10) needles.push({ kind: 'features of a picture', encoding, bytes: part });
  }
  return needles;
}

/** Whether the removal of a project or account has come to its end: its row gone, and no removal running or due. */
export function isErased(home: string, table: 'projects' | 'accounts', id: string, now: number): boolean {
  const db = new Sqlite(join(home, 'ownsight.db'), { readonly: true });
  try {
    const row = db.prepare(`select 1 from ${table} where id = ?`).get(id);
    const due = db
      .prepare(`select 1 from jobs where name = 'purge' and (state = 'running' or (state = 'waiting' and run_at <= ?))`)
      .get(now * 1000);
    return row === undefined && due === undefined;
  } finally {
    db.close();
  }
}
