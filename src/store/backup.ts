import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Micros } from '../base/clock.ts';
import { mapConcurrently } from '../base/concurrency.ts';
import { makeDirectorySync, syncDirectorySync, writeFileDurablySync } from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { type BlobKey, type BlobStore, blobKey, blobKinds } from './blobs.ts';
import { diskBlobs } from './blobs-disk.ts';
import type { Database } from './database.ts';
import { openSqlite } from './database-sqlite.ts';
import type { ErasedList } from './erased-list.ts';
import { rowsWithBlob } from './examine.ts';
import { trashedScopes } from './trash-items.ts';

/** What a backup is made of. */
export interface BackedUp {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly erased: ErasedList;
}

/** What a backup holds. */
export interface Backup {
  readonly files: number;
  readonly bytes: number;
  /** Files that rows refer to and that are not there; those erased while the backup was made do not count. */
  readonly missing: readonly BlobKey[];
}

/** What a folder with a backup consists of. */
export const partsOfBackup = ['ownsight.db', 'ownsight.db-wal', 'ownsight.db-shm', 'blobs', 'erased', 'backup.json'];

/** Files read and written at a time. */
const filesAtOnce = 8;

/**
 * Writes a copy of the database as it is at one moment, the files its rows refer to, and the list of what was erased,
 * to a new or empty folder, which can serve as a data directory. No keys: they are copied apart. Works beside a running
 * server. `backup.json`, with its id and when it is to be thrown away, is written last: a folder without it is not whole.
 * @throws AppError `BackupExists` when there is something in the folder already.
 */
export async function backUp(
  { db, blobs, clock, erased }: BackedUp,
  folder: string,
  { id, until }: { readonly id: string; readonly until: Micros },
  onProgress: (done: number, all: number) => void = () => undefined,
): Promise<Backup> {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new AppError(
      'BackupExists',
      `expected a new or empty folder for the backup but ${folder} has something in it`,
    );
  makeDirectorySync(folder);
  const path = join(folder, 'ownsight.db');
  await db.copyTo(path);
  chmodSync(path, 0o600);
  const keys = await blobsOf(path, clock);
  const target = await diskBlobs(join(folder, 'blobs'));
  const absent: BlobKey[] = [];
  let bytes = 0;
  let done = 0;
  await mapConcurrently(keys, filesAtOnce, async (key) => {
    const content = await blobs.get(key);
    if (content === undefined) absent.push(key);
    else {
      await target.put(key, content);
      bytes += content.byteLength;
    }
    onProgress(++done, keys.length);
  });
  const still = new Set(absent.length === 0 ? [] : await referenced(db));
  const missing = absent.filter((key) => still.has(key));
  if (existsSync(erased.path)) copyFileSync(erased.path, join(folder, 'erased'));
  for (const name of ['ownsight.db', 'erased']) sync(join(folder, name));
  syncDirectorySync(folder);
  const files = keys.length - absent.length;
  const date = (moment: Micros): string => new Date(moment / 1000).toISOString();
  const made = { format: 1, id, made: date(clock.now()), until: date(until) };
  const about = { ...made, files, bytes, missing: missing.length };
  writeFileDurablySync(join(folder, 'backup.json'), Buffer.from(`${JSON.stringify(about, undefined, 2)}\n`));
  return { files, bytes, missing };
}

async function blobsOf(path: string, clock: Clock): Promise<BlobKey[]> {
  const copy = await openSqlite(path, clock);
  try {
    return await referenced(copy);
  } finally {
    await copy.close();
  }
}

/** The blobs that rows of living projects refer to, and of those that are in the trash. */
async function referenced({ query }: Database): Promise<BlobKey[]> {
  const projects = await query
    .selectFrom('projects')
    .innerJoin('accounts', 'accounts.id', 'projects.account_id')
    .select(['projects.id', 'projects.account_id', 'projects.deleted', 'accounts.deleted as account_deleted'])
    .execute();
  const trashed = await trashedScopes(query);
  const kept = projects.filter(
    (row) =>
      (row.deleted === null || trashed.has(row.id)) && (row.account_deleted === null || trashed.has(row.account_id)),
  );
  const accounts = new Map(kept.map((row) => [row.id, row.account_id]));
  const keys: BlobKey[] = [];
  for (const kind of blobKinds)
    for (const { id, projectId } of await rowsWithBlob(query, kind)) {
      const accountId = accounts.get(projectId);
      if (accountId !== undefined) keys.push(blobKey(accountId, projectId, kind, id));
    }
  return keys;
}

function sync(path: string): void {
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
