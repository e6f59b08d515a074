import type { Queries } from './database.ts';
import type { BackupRow } from './schema.ts';

/** Notes that a copy of the data is being made. */
export async function insertBackup(db: Queries, row: BackupRow): Promise<void> {
  await db.insertInto('backups').values(row).execute();
}

/** Every backup nobody said was thrown away, oldest first. */
export const listBackupRows = (db: Queries): Promise<BackupRow[]> =>
  db.selectFrom('backups').selectAll().orderBy('made').orderBy('id').execute();

/** Forgets one; tells whether there was one. */
export async function deleteBackup(db: Queries, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('backups').where('id', '=', id).executeTakeFirst();
  return numDeletedRows > 0n;
}
