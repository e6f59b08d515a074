import { hasCode } from '../base/durable.ts';
import { problem } from '../domain/problems.ts';

/** The disk is full, or a quota or a limit on file sizes is reached; as the file system or SQLite says it. */
const fullCodes = ['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL'];

/** Whether that is what an error says, of the system, the database or our own. */
export const isStorageFull = (error: unknown): boolean => hasCode(error, ...fullCodes, 'ErrorStorageFull');

/** The error to throw for `error`: `ErrorStorageFull` where storage could not grow, else `error` itself. */
export const storageError = (error: unknown): unknown =>
  hasCode(error, ...fullCodes) ? problem('ErrorStorageFull', undefined, error) : error;
