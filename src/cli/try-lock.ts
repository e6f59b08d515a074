import { join } from 'node:path';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import { lockFile } from '../store/database-sqlite.ts';

/** Takes the lock of this name in the data directory; returns what frees it, `undefined` while another process has it. */
export function tryLock({ config }: Pick<OpenApp, 'config'>, name: string): (() => void) | undefined {
  try {
    return lockFile(join(config.home, name));
  } catch (error) {
    if (error instanceof AppError && error.code === 'AlreadyRunning') return undefined;
    throw error;
  }
}
