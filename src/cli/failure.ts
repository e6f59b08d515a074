import { AppError } from '../base/errors.ts';

/** What an error of the system or the database means for whoever typed a command, and what to do. */
const meanings: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there: choose another OWNSIGHT_HOME or OWNSIGHT_KEYS, or change its owner',
  EPERM: 'this user may not do that there: choose another OWNSIGHT_HOME or OWNSIGHT_KEYS, or change its owner',
  EROFS: 'the file system can only be read: choose another OWNSIGHT_HOME or OWNSIGHT_KEYS',
  ENOTDIR: 'expected a directory there but found a file: choose another OWNSIGHT_HOME or OWNSIGHT_KEYS',
  EEXIST: 'expected a directory there but found a file: choose another OWNSIGHT_HOME or OWNSIGHT_KEYS',
  ENOSPC: 'the disk is full: free space and start again; nothing was lost',
  SQLITE_NOTADB: 'ownsight.db in OWNSIGHT_HOME is no database: put back a backup, or choose another OWNSIGHT_HOME',
  SQLITE_CORRUPT: 'ownsight.db in OWNSIGHT_HOME is damaged: keep a copy of it and put back a backup',
};

/** An error as the command line shows it: one sentence where its meaning is known, else with where it came from. */
export function failure(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as { code?: string; path?: string };
  const meaning = code === undefined ? undefined : meanings[code];
  if (meaning === undefined) return error.stack ?? error.message;
  return path === undefined ? meaning : `${path}: ${meaning}`;
}
