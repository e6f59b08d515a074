import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { day, type Micros } from '../base/clock.ts';
import { AppError, expected } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import { type Backup, backUp, partsOfBackup } from '../store/backup.ts';
import { deleteBackup, insertBackup, listBackupRows } from '../store/backups.ts';
import type { App } from './context.ts';

/** Days a backup is kept unless something else is said: what was erased is out of every backup after as many. */
export const defaultKeepDays = 7;
/** The most that can be said. */
const longestKeepDays = 3650;

/** A backup that may still be somewhere. Where is not known: only its maker knows. */
export interface NotedBackup {
  readonly id: string;
  readonly made: Micros;
  /** When it is to be thrown away. */
  readonly until: Micros;
  readonly overdue: boolean;
}

type Backing = Pick<App, 'db' | 'blobs' | 'clock' | 'erased'>;

/**
 * Makes a backup in a new or empty folder and notes it, before anything is written: from then on receipts list it until
 * it is forgotten. @throws AppError `BadSetting` for days that are not whole or out of range, `BackupExists`; then
 * nothing is noted.
 */
export async function makeBackup(
  app: Backing,
  folder: string,
  keepDays: number = defaultKeepDays,
): Promise<Backup & { readonly id: string; readonly until: Micros }> {
  if (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > longestKeepDays)
    throw new AppError('BadSetting', expected(`whole days from 1 to ${longestKeepDays}`, '--keep-days', keepDays));
  const made = app.clock.now();
  const row = { id: newId(), made, until: made + keepDays * day };
  await insertBackup(app.db.query, row);
  try {
    return { ...(await backUp(app, folder, row)), id: row.id, until: row.until };
  } catch (error) {
    // What broke off later may have left a part of the data in the folder.
    if (error instanceof AppError && error.code === 'BackupExists') await deleteBackup(app.db.query, row.id);
    throw error;
  }
}

/** The backups that may still be somewhere, oldest first. */
export async function listBackups(app: Pick<App, 'db' | 'clock'>): Promise<NotedBackup[]> {
  const now = app.clock.now();
  return (await listBackupRows(app.db.query)).map((row) => ({ ...row, overdue: row.until < now }));
}

/** Notes that a backup was thrown away: later receipts do not list it. @throws AppError `NotFound`. */
export async function forgetBackup(app: Pick<App, 'db'>, id: string): Promise<void> {
  if (!(await deleteBackup(app.db.query, id.toLowerCase())))
    throw new AppError('NotFound', `expected the id of a backup but received ${id}: "ownsight backup list" shows them`);
}

/**
 * Removes the backups of this server that are past their date, among `folder` itself and the folders in it, and forgets
 * them. Removes what a backup consists of and nothing else. Returns the folders.
 */
export async function pruneBackups(app: Pick<App, 'db' | 'clock'>, folder: string): Promise<string[]> {
  const overdue = new Set((await listBackups(app)).filter((one) => one.overdue).map((one) => one.id));
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
  const removed: string[] = [];
  for (const path of [folder, ...inside]) {
    const id = idOfBackup(path);
    if (id === undefined || !overdue.has(id)) continue;
    for (const name of partsOfBackup) rmSync(join(path, name), { recursive: true, force: true });
    if (readdirSync(path).length === 0) rmdirSync(path);
    await forgetBackup(app, id);
    removed.push(path);
  }
  return removed;
}

/** The id in the `backup.json` of a folder; `undefined` where there is none. */
function idOfBackup(folder: string): string | undefined {
  const path = join(folder, 'backup.json');
  if (!existsSync(path)) return undefined;
  try {
    const { id } = JSON.parse(readFileSync(path, 'utf8')) as { id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
